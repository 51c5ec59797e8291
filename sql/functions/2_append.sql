-- The log's row and the events must agree: a tail that is ahead would leave a hole, one that is behind is refused by
-- the events' primary key (and told alike).
create or replace function {schema}.refuse_a_gap(_tail bigint)
returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if _tail > 0 and not exists (select 1 from {schema}.events where position = _tail) then
    raise exception 'the log ends before its tail %: it was restored or changed by hand', _tail
      using errcode = 'data_corrupted';
  end if;
end $$;

-- The door to the log is `append` (and `append_one`, a narrow one beside it). It takes a batch of items, each a command,
-- accepted or refused as a whole and one by one.
--
-- Item i:   _command[i], who and why (the nil UUID = none).
-- Write w:  belongs to item _w_item[w]: stream, expected version (0 = new), new state; its events begin at
--           _w_first[w]. Sorted by item and, within it, as the events' ordinals run. Every write has an event.
-- Event e:  belongs to write _e_write[e]; _meta[e] only on an item's first event.
-- Effect f: belongs to item _f_item[f].
--
-- Answer: the time, and per item an outcome and a value:
--   0 appended          value = position of its first event (of an item without events: the tail)
--   1 already done      value = original position of its first event
--   2 version conflict  value = the stream's version now, detail = the stream
--   3 key taken         detail = the key
--
-- The caller puts a stream, command or key into a batch only once and sorts the items by stream, so that the row locks
-- of concurrent batches are taken in one order. Whoever breaks that is refused by the unique indexes and sifted item by
-- item: never a hole, never a lost or doubled event.

-- Every item writes one stream (write w is item w): set-based, one pass. A repeated command under a fitting version or
-- a taken key raises unique_violation and writes nothing.
create or replace function {schema}.append_simple(
  _command uuid[], _actor uuid[], _correlation uuid[], _causation uuid[],
  _stream uuid[], _expected int[], _state text[], _w_first int[],
  _e_write int[], _category text[], _type text[], _schema smallint[], _data text[], _meta text[],
  _f_item int[], _f_kind text[], _f_args text[],
  out at timestamptz, out outcome smallint[], out value bigint[], out detail text[])
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  nil constant uuid := '00000000-0000-0000-0000-000000000000';
  n int := cardinality(_command); m int := cardinality(_e_write); k int; t bigint;
  hit int[]; born uuid[]; ok boolean[]; firsts bigint[];
begin
  -- 1. Versions are checked and states written in one pass, by row lock, outside the serial section.
  with written as (
    update {schema}.streams s
       set version = u.expected + coalesce(_w_first[u.o + 1], m + 1) - _w_first[u.o], state = u.state
      from unnest(_stream, _expected, _state) with ordinality u(stream, expected, state, o)
     where s.stream_id = u.stream and s.version = u.expected and u.expected > 0
    returning u.o)
  select array_agg(o::int), count(*) into hit, k from written;

  if k = n then
    -- 2. The queue of commits: from here on this transaction alone writes the log.
    update {schema}.log l set tail = l.tail + m, recorded_at = greatest(l.recorded_at, clock_timestamp())
      returning l.tail - m, l.recorded_at into t, at;
    perform {schema}.refuse_a_gap(t);
    -- 3. The events.
    insert into {schema}.events (position, stream_id, version, category, type, schema, command_id, ordinal,
        correlation_id, causation_id, actor_id, data, meta, recorded_at)
      select t + e.o, _stream[e.w], _expected[e.w] + 1 + e.o - _w_first[e.w], e.category, e.type, e.schema,
             _command[e.w], e.o - _w_first[e.w], _correlation[e.w], nullif(_causation[e.w], nil),
             nullif(_actor[e.w], nil), e.data, e.meta, at
        from unnest(_e_write, _category, _type, _schema, _data, _meta)
             with ordinality e(w, category, type, schema, data, meta, o);
    if cardinality(_f_item) > 0 then
      perform {schema}.apply_effects(at, _f_kind, _f_args);
    end if;
    outcome := array_fill(0::smallint, array[n]);
    select array_agg(t + f order by o) into value from unnest(_w_first) with ordinality x(f, o);
    detail := array_fill(null::text, array[n]);
    return;
  end if;

  -- New streams or conflicts: the same with the refused items left out.
  perform 1 from {schema}.log for update;
  select l.tail, greatest(l.recorded_at, clock_timestamp()) into t, at from {schema}.log l;
  perform {schema}.refuse_a_gap(t);
  with made as (
    insert into {schema}.streams (stream_id, kind, version, created_at, state)
      select u.stream, _category[_w_first[u.o]], coalesce(_w_first[u.o + 1], m + 1) - _w_first[u.o], at, u.state
        from unnest(_stream, _expected, _state) with ordinality u(stream, expected, state, o) where u.expected = 0
      on conflict do nothing returning stream_id)
  select array_agg(stream_id) into born from made;
  select array_agg(coalesce(u.o = any(hit), false) or (u.expected = 0 and coalesce(u.stream = any(born), false)) order by u.o)
    into ok from unnest(_stream, _expected) with ordinality u(stream, expected, o);
  with accepted as (
    select e.*, t + row_number() over (order by e.o) position
      from unnest(_e_write, _category, _type, _schema, _data, _meta)
           with ordinality e(w, category, type, schema, data, meta, o) where ok[e.w]),
  inserted as (
    insert into {schema}.events (position, stream_id, version, category, type, schema, command_id, ordinal,
        correlation_id, causation_id, actor_id, data, meta, recorded_at)
      select e.position, _stream[e.w], _expected[e.w] + 1 + e.o - _w_first[e.w], e.category, e.type, e.schema,
             _command[e.w], e.o - _w_first[e.w], _correlation[e.w], nullif(_causation[e.w], nil),
             nullif(_actor[e.w], nil), e.data, e.meta, at
        from accepted e)
  select coalesce(sum(x.events), 0), array_agg(x.position order by x.w) into k, firsts
    from (select a.w, min(a.position) position, count(*) events from accepted a group by a.w) x;
  if cardinality(_f_item) > 0 then
    perform {schema}.apply_effects(at, array_agg(f.kind order by f.o), array_agg(f.args order by f.o))
      from unnest(_f_item, _f_kind, _f_args) with ordinality f(i, kind, args, o) where ok[f.i] having count(*) > 0;
  end if;
  if k > 0 then update {schema}.log l set tail = t + k, recorded_at = at; end if;
  -- 4. The answers. Scalar subqueries: always an index probe, whatever the statistics were when the plan was made.
  select array_agg(case when x.taken then 0 when x.done is not null then 1 else 2 end::smallint order by x.o),
         array_agg(coalesce(case when x.taken then firsts[x.nth] else x.done end, x.version, 0) order by x.o),
         array_agg(case when not x.taken and x.done is null then _stream[x.o]::text end order by x.o)
    into outcome, value, detail
    from (select u.o, u.taken, count(*) filter (where u.taken) over (order by u.o) nth,
                 case when not u.taken then
                   (select d.position from {schema}.events d where d.command_id = _command[u.o] and d.ordinal = 0) end done,
                 case when not u.taken then
                   (select s.version from {schema}.streams s where s.stream_id = _stream[u.o]) end::bigint version
            from unnest(ok) with ordinality u(taken, o) offset 0) x;
end $$;

-- Any items, one by one, each in a savepoint of its own: several streams, no events, repeated commands, taken keys.
create or replace function {schema}.append_careful(
  _command uuid[], _actor uuid[], _correlation uuid[], _causation uuid[],
  _w_item int[], _stream uuid[], _expected int[], _state text[], _w_first int[],
  _e_write int[], _category text[], _type text[], _schema smallint[], _data text[], _meta text[],
  _f_item int[], _f_kind text[], _f_args text[],
  out at timestamptz, out outcome smallint[], out value bigint[], out detail text[])
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  nil constant uuid := '00000000-0000-0000-0000-000000000000';
  n int := cardinality(_command); m int := cardinality(_e_write); writes int := cardinality(_w_item);
  base bigint; t bigint; c int; w int := 1; first_w int; last_e int; e int; v int; ordinal int; p bigint;
  violated text; message text;
begin
  perform 1 from {schema}.streams where stream_id = any(_stream) order by stream_id for update;
  perform 1 from {schema}.log for update;
  select l.tail, greatest(l.recorded_at, clock_timestamp()) into base, at from {schema}.log l;
  perform {schema}.refuse_a_gap(base);
  t := base;
  outcome := array_fill(0::smallint, array[n]);
  value := array_fill(0::bigint, array[n]);
  detail := array_fill(null::text, array[n]);
  for c in 1 .. n loop
    first_w := w;
    while w <= writes and _w_item[w] = c loop w := w + 1; end loop;   -- its writes: first_w .. w - 1
    select d.position into p from {schema}.events d where d.command_id = _command[c] and d.ordinal = 0;
    if found then outcome[c] := 1; value[c] := p; continue; end if;
    for x in first_w .. w - 1 loop
      select s.version into v from {schema}.streams s where s.stream_id = _stream[x];
      if coalesce(v, 0) <> _expected[x] then
        outcome[c] := 2; value[c] := coalesce(v, 0); detail[c] := _stream[x]::text; exit;
      end if;
    end loop;
    if outcome[c] <> 0 then continue; end if;
    begin
      ordinal := 0;
      for x in first_w .. w - 1 loop
        last_e := coalesce(_w_first[x + 1], m + 1) - 1;
        for e in _w_first[x] .. last_e loop
          insert into {schema}.events (position, stream_id, version, category, type, schema, command_id, ordinal,
              correlation_id, causation_id, actor_id, data, meta, recorded_at)
            values (t + ordinal + 1, _stream[x], _expected[x] + 1 + e - _w_first[x], _category[e], _type[e], _schema[e],
              _command[c], ordinal, _correlation[c], nullif(_causation[c], nil), nullif(_actor[c], nil), _data[e],
              _meta[e], at);
          ordinal := ordinal + 1;
        end loop;
        if _expected[x] = 0 then
          insert into {schema}.streams (stream_id, kind, version, created_at, state)
            values (_stream[x], _category[_w_first[x]], last_e + 1 - _w_first[x], at, _state[x]);
        else
          update {schema}.streams s set version = _expected[x] + last_e + 1 - _w_first[x], state = _state[x]
            where s.stream_id = _stream[x];
        end if;
      end loop;
      perform {schema}.apply_effects(at, array_agg(f.kind order by f.o), array_agg(f.args order by f.o))
        from unnest(_f_item, _f_kind, _f_args) with ordinality f(i, kind, args, o) where f.i = c having count(*) > 0;
      value[c] := case when ordinal > 0 then t + 1 else t end;
      t := t + ordinal;
    exception when unique_violation then
      get stacked diagnostics violated = constraint_name, message = pg_exception_detail;
      if violated = 'events_pkey' then
        raise exception 'the log goes on behind its tail %: it was restored or changed by hand', base
          using errcode = 'data_corrupted';
      end if;
      if violated <> 'unique_keys_pkey' then raise; end if;
      outcome[c] := 3;
      detail[c] := substring(message from '^Key \(key\)=\((.*)\) already exists');
    end;
  end loop;
  if t > base then update {schema}.log l set tail = t, recorded_at = at; end if;
end $$;

-- One event on one stream that exists: what a server does that is not busy. Says nothing (at is null) and has written
-- nothing when the stream stands elsewhere, the command was repeated or a key is taken: then `append` says which.
create or replace function {schema}.append_one(
  _command uuid, _actor uuid, _correlation uuid, _causation uuid, _stream uuid, _expected int, _state text,
  _category text, _type text, _schema smallint, _data text, _meta text, _f_kind text[], _f_args text[],
  out at timestamptz, out value bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update {schema}.streams s set version = _expected + 1, state = _state
    where s.stream_id = _stream and s.version = _expected;
  if not found then return; end if;
  update {schema}.log l set tail = l.tail + 1, recorded_at = greatest(l.recorded_at, clock_timestamp())
    returning l.tail, l.recorded_at into value, at;
  insert into {schema}.events (position, stream_id, version, category, type, schema, command_id, ordinal,
      correlation_id, causation_id, actor_id, data, meta, recorded_at)
    select value, _stream, _expected + 1, _category, _type, _schema, _command, 0, _correlation, _causation, _actor, _data,
           _meta, at
      where value = 1 or exists (select 1 from {schema}.events e where e.position = value - 1);
  if not found then perform {schema}.refuse_a_gap(value - 1); end if;
  if cardinality(_f_kind) > 0 then
    perform {schema}.apply_effects(at, _f_kind, _f_args);
  end if;
exception when unique_violation then
  at := null; value := null;
end $$;

-- Any batch.
create or replace function {schema}.append(
  _command uuid[], _actor uuid[], _correlation uuid[], _causation uuid[],
  _w_item int[], _stream uuid[], _expected int[], _state text[], _w_first int[],
  _e_write int[], _category text[], _type text[], _schema smallint[], _data text[], _meta text[],
  _f_item int[], _f_kind text[], _f_args text[],
  out at timestamptz, out outcome smallint[], out value bigint[], out detail text[])
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  n int := cardinality(_command); w int := cardinality(_w_item);
  m int := cardinality(_e_write); f int := cardinality(_f_item);
begin
  -- Whoever calls: every write has events and they stand where it says, else versions would have holes.
  if (n > 0 and cardinality(_actor) = n and cardinality(_correlation) = n and cardinality(_causation) = n
      and cardinality(_stream) = w and cardinality(_expected) = w and cardinality(_state) = w
      and cardinality(_w_first) = w and cardinality(_category) = m and cardinality(_type) = m
      and cardinality(_schema) = m and cardinality(_data) = m and cardinality(_meta) = m
      and cardinality(_f_kind) = f and cardinality(_f_args) = f
      and array_position(_command, null) is null and array_position(_stream, null) is null
      and 0 <= all(_expected) and 1 <= all(_f_item) and n >= all(_f_item)
      and (w > 0 or m = 0) and (w = 0 or (_w_first[1] = 1 and _e_write[m] = w and _w_item[1] >= 1 and _w_item[w] <= n))
      and (w < 2 or not exists (select 1 from generate_series(2, w) o
            where (_w_first[o] > _w_first[o - 1] and _w_item[o] >= _w_item[o - 1]) is not true))
      and (m < 2 or not exists (select 1 from generate_series(1, m) e
            where _e_write[e] is distinct from width_bucket(e, _w_first)))) is not true then
    raise exception 'arguments that do not fit each other, a write without events, or events out of order'
      using errcode = 'invalid_parameter_value';
  end if;
  if w = n and (n = 1 or not exists (select 1 from generate_subscripts(_w_item, 1) o where _w_item[o] <> o)) then
    begin
      select a.at, a.outcome, a.value, a.detail into at, outcome, value, detail
        from {schema}.append_simple(_command, _actor, _correlation, _causation, _stream, _expected, _state, _w_first,
               _e_write, _category, _type, _schema, _data, _meta, _f_item, _f_kind, _f_args) a;
      return;
    exception when unique_violation then null;   -- a repeated command or a taken key: nothing is written; sift
    end;
  end if;
  select a.at, a.outcome, a.value, a.detail into at, outcome, value, detail
    from {schema}.append_careful(_command, _actor, _correlation, _causation, _w_item, _stream, _expected, _state, _w_first,
           _e_write, _category, _type, _schema, _data, _meta, _f_item, _f_kind, _f_args) a;
end $$;
