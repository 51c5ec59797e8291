-- Least privilege. Roles are made by the stack or by the deployment.
revoke all on schema {schema} from public;
revoke all on all functions in schema {schema} from public;
grant usage on schema {schema} to wechess_command_api, wechess_projector;

-- The command API reads everything of its own, and writes the log through the two functions only.
grant select on all tables in schema {schema} to wechess_command_api;
grant execute on function {schema}.append, {schema}.append_one to wechess_command_api;
grant insert, update, delete on {schema}.sessions, {schema}.secrets to wechess_command_api;
grant insert, update on {schema}.signing_keys to wechess_command_api;
grant update (leased_until, due_at), delete on {schema}.timers to wechess_command_api;
grant update, delete on {schema}.outbox to wechess_command_api;

-- The projector reads the log and the keys that open it.
grant select on {schema}.log, {schema}.events, {schema}.data_keys to wechess_projector;
