-- Carries out the effects of accepted items, in order. Called only under the lock of the log's row.
-- A key that is taken raises unique_violation. Arguments are one JSON object per effect.
create or replace function {schema}.apply_effects(_at timestamptz, _kind text[], _args text[])
returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
declare a jsonb; i int;
begin
  -- By far the most: in one pass. A stream is in a batch once, so their order does not matter.
  if array_position(_kind, 'index') is not null then
    with changes as materialized (
      select (e.a->>'stream')::uuid stream_id, e.a->>'kind' kind, c.key field, c.value
        from (select _args[o]::jsonb a from generate_subscripts(_kind, 1) o where _kind[o] = 'index') e,
             jsonb_each_text(e.a->'set') c),
    gone as (
      delete from {schema}.object_index o using changes c
        where c.value is null and o.stream_id = c.stream_id and o.field = c.field)
    insert into {schema}.object_index (stream_id, kind, field, value)
      select stream_id, kind, field, value from changes where value is not null
      on conflict (stream_id, field) do update set value = excluded.value;
  end if;
  for i in 1 .. cardinality(_kind) loop
    continue when _kind[i] = 'index';
    a := _args[i]::jsonb;
    case _kind[i]
    when 'claimKey' then
      insert into {schema}.unique_keys (key, stream_id) values (a->>'key', (a->>'stream')::uuid);
    when 'releaseKey' then
      delete from {schema}.unique_keys where key = a->>'key' and stream_id = (a->>'stream')::uuid;
    when 'setTimer' then
      insert into {schema}.timers (stream_id, kind, arming, due_at)
        values ((a->>'stream')::uuid, a->>'kind', (a->>'arming')::int, (a->>'dueAt')::timestamptz)
        on conflict (stream_id, kind) do update
        set arming = excluded.arming, due_at = excluded.due_at, leased_until = null;
    when 'cancelTimer' then
      delete from {schema}.timers where stream_id = (a->>'stream')::uuid and kind = a->>'kind';
    when 'makeKey' then
      insert into {schema}.data_keys (key_id, wrapped) values (a->>'keyId', decode(a->>'wrapped', 'base64'));
    when 'destroyKey' then
      update {schema}.data_keys set wrapped = null, destroyed_at = _at where key_id = a->>'keyId';
    when 'putSecret' then
      insert into {schema}.secrets (kind, id, data, expires_at)
        values (a->>'kind', a->>'id', a->>'data', (a->>'expiresAt')::timestamptz)
        on conflict (kind, id) do update set data = excluded.data, expires_at = excluded.expires_at;
    when 'deleteSecret' then
      delete from {schema}.secrets where kind = a->>'kind' and id = a->>'id';
    when 'putSession' then
      insert into {schema}.sessions (session_id, user_id, expires_at)
        values ((a->>'session')::uuid, (a->>'user')::uuid, (a->>'expiresAt')::timestamptz)
        on conflict (session_id) do nothing;
    when 'endSessions' then
      update {schema}.sessions set ended_at = _at where user_id = (a->>'user')::uuid and ended_at is null;
    when 'advanceCursor' then
      insert into {schema}.cursors (reaction, position) values (a->>'reaction', (a->>'position')::bigint)
        on conflict (reaction) do update set position = greatest({schema}.cursors.position, excluded.position);
    when 'sendMessage' then
      insert into {schema}.outbox (event_id, channel, message)
        values ((a->>'event')::uuid, a->>'channel', a->>'message') on conflict do nothing;
    else
      raise exception 'unknown effect %', _kind[i] using errcode = 'invalid_parameter_value';
    end case;
  end loop;
end $$;
