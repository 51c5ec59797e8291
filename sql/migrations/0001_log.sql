-- The log: one row that names it and holds its last position. Its row lock is the queue of commits.
create table {schema}.log (
  one         boolean primary key default true check (one),
  id          uuid not null default gen_random_uuid(),   -- renewed by a restore
  tail        bigint not null default 0,
  recorded_at timestamptz not null default '-infinity'   -- of the last event: never falls with the position
) with (fillfactor = 10, autovacuum_vacuum_threshold = 100000);
insert into {schema}.log default values;

-- Every event, for ever. `data` is the writer's JSON as it is (cast to jsonb when read by hand).
create table {schema}.events (
  position       bigint primary key,                     -- dense, in commit order, from 1
  stream_id      uuid not null,
  version        int not null,                           -- dense in its stream, from 1
  category       text not null,
  type           text not null,
  schema         smallint not null,
  command_id     uuid not null,
  ordinal        smallint not null,                      -- the event's id derives from (command_id, ordinal)
  correlation_id uuid not null,
  causation_id   uuid,
  actor_id       uuid,
  data           text not null check (octet_length(data) <= 262144),
  meta           text,                                   -- on a command's first event: the request's fingerprint
  recorded_at    timestamptz not null
);
create unique index events_stream on {schema}.events (stream_id, version);
create unique index events_command on {schema}.events (command_id) where ordinal = 0;

-- The newest state of every object. Half-empty pages keep every rewrite a HOT update.
create table {schema}.streams (
  stream_id  uuid primary key,
  kind       text not null,
  version    int not null,
  created_at timestamptz not null,
  state      text not null
) with (fillfactor = 50);
alter table {schema}.streams alter column state set storage main;

-- The filter columns of lists; a row is written only when its value changes. Absent = null.
create table {schema}.object_index (
  stream_id uuid not null,
  kind      text not null,
  field     text not null,
  value     text not null,
  primary key (stream_id, field)
);
create index object_index_value on {schema}.object_index (kind, field, value, stream_id);

-- What only one stream may have, for example an e-mail address.
create table {schema}.unique_keys (
  key       text primary key,
  stream_id uuid not null
);
