-- People who are signed in at the console, without what their browsers hold.
create table console_sessions (
    digest     blob not null primary key,  -- SHA-256 of the token in the browser's cookie
    key_id     text not null,     -- the key that was shown: api_keys.key_id; when it is revoked, the session is over
    begun_at   integer not null,  -- when it was shown
    expires_at integer not null   -- when it must be shown again
) strict;
create index console_sessions_expired on console_sessions (expires_at);

-- Processes that serve on this database. Each says so now and then; one that is silent for a day is forgotten.
create table replicas (
    replica_id text not null primary key,  -- the name that it made at its start; the owner of its leases
    version    text not null,     -- the version of the program
    started_at integer not null,  -- when it began to serve
    seen_at    integer not null   -- when it said so last
) strict;
