-- Requests that callers have given a name to, so that each is done once.

create table named_requests (
    digest       bytea primary key,
    fingerprint  bytea not null,
    attempt_id   uuid not null,
    claimed_at   timestamptz not null,
    leased_until timestamptz not null,
    answer       bytea
) with (fillfactor = 80);
create index named_requests_oldest on named_requests (claimed_at);

comment on table named_requests is 'Requests that callers have given a name to (Idempotency-Key), without the names.';
comment on column named_requests.digest is 'A keyed digest of the caller''s key and of the name.';
comment on column named_requests.fingerprint is 'A keyed digest of what was asked for.';
comment on column named_requests.attempt_id is 'Who is on it, or was last: a name for one attempt.';
comment on column named_requests.claimed_at is 'When it came first (UTC).';
comment on column named_requests.leased_until is 'Until when the attempt has it to itself (UTC).';
comment on column named_requests.answer is 'What it was answered, encrypted; none before, and for what has a name of its own.';
