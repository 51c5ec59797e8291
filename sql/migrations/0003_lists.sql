-- Lists show the newest first: by when objects were made, which an id from a client's own key does not tell. Appends
-- wait while it is built.
create index streams_newest on {schema}.streams (kind, created_at, stream_id);
