-- The console: who is signed in, and which processes serve.

create table console_sessions (
    digest     bytea primary key,
    key_id     uuid not null,
    begun_at   timestamptz not null,
    expires_at timestamptz not null
);
create index console_sessions_expired on console_sessions (expires_at);

comment on table console_sessions is 'People who are signed in at the console, without what their browsers hold.';
comment on column console_sessions.digest is 'SHA-256 of the token in the browser''s cookie.';
comment on column console_sessions.key_id is 'The key that was shown: api_keys.key_id. When it is revoked, the session is over.';
comment on column console_sessions.begun_at is 'When it was shown (UTC).';
comment on column console_sessions.expires_at is 'When it must be shown again (UTC).';

create table replicas (
    replica_id uuid primary key,
    version    text not null,
    started_at timestamptz not null,
    seen_at    timestamptz not null
);

comment on table replicas is 'Processes that serve on this database. Each says so now and then; one that is silent for a day is forgotten.';
comment on column replicas.replica_id is 'The name that it made at its start; the owner of its leases.';
comment on column replicas.version is 'The version of the program.';
comment on column replicas.started_at is 'When it began to serve (UTC).';
comment on column replicas.seen_at is 'When it said so last (UTC).';
