-- What commands leave besides events. Secrets live here and never in events, views or logs.

-- Something to do at a time. The command that it becomes has an id made of stream, kind and arming.
create table {schema}.timers (
  stream_id    uuid not null,
  kind         text not null,
  arming       int not null,
  due_at       timestamptz not null,
  leased_until timestamptz,
  primary key (stream_id, kind)
);
create index timers_due on {schema}.timers (due_at);

-- Keys of personal data, wrapped by the master key. wrapped is null: destroyed, for ever.
create table {schema}.data_keys (
  key_id       text primary key,
  wrapped      bytea,
  made_at      timestamptz not null default clock_timestamp(),
  destroyed_at timestamptz
);

-- Password hashes, codes: whatever is checked and never shown.
create table {schema}.secrets (
  kind       text not null,
  id         text not null,
  data       text not null,
  expires_at timestamptz,
  primary key (kind, id)
);

create table {schema}.sessions (
  session_id uuid primary key,
  user_id    uuid not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  ended_at   timestamptz
);
create index sessions_user on {schema}.sessions (user_id) where ended_at is null;

-- Keys that sign tokens; the private part is wrapped by the master key.
create table {schema}.signing_keys (
  key_id      text primary key,
  wrapped     bytea not null,
  public_pem  text not null,
  made_at     timestamptz not null default clock_timestamp(),
  retired_at  timestamptz
);

-- How far a reaction has read the log; advanced by the commands that it issues.
create table {schema}.cursors (
  reaction text primary key,
  position bigint not null
);

-- Messages to people that are still to be sent, keyed by the event that caused them.
create table {schema}.outbox (
  event_id   uuid not null,
  channel    text not null,
  message    text not null,
  created_at timestamptz not null default clock_timestamp(),
  sent_at    timestamptz,
  primary key (event_id, channel)
);
