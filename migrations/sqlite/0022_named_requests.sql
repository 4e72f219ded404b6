-- Requests that callers have given a name to, so that each is done once.

-- Requests that callers have given a name to (Idempotency-Key), without the names.
create table named_requests (
    digest       blob not null primary key,  -- a keyed digest of the caller's key and of the name
    fingerprint  blob not null,     -- a keyed digest of what was asked for
    attempt_id   text not null,     -- who is on it, or was last: a name for one attempt
    claimed_at   integer not null,  -- when it came first
    leased_until integer not null,  -- until when the attempt has it to itself
    answer       blob               -- what it was answered, encrypted; none before, and for what has a name of its own
) strict;
create index named_requests_oldest on named_requests (claimed_at);
