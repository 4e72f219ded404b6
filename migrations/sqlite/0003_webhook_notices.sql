-- The inbox: verified notices of the gateway, stored before they are answered. The same body is stored once, however
-- often it comes.
create table webhook_notices (
    notice_id          text not null primary key,  -- our name for it: a UUIDv7 made at receipt
    shop               text not null,     -- the shop whose signing key it was verified with
    received_at        integer not null,  -- when it came first
    last_received_at   integer not null,  -- when the same body came last
    deliveries         integer not null check (deliveries >= 1),  -- how often the same body came
    body               blob not null,     -- the raw bytes, masked and encrypted
    digest             blob not null,     -- keyed, of the raw bytes: the same notice again has the same one
    gateway_payment_id text,              -- the gateway payment that it is about
    reference_id       text,              -- the reference that it carries
    state              text,              -- the state that it tells, in the gateway's word
    verdict            text,              -- what it came to; none while it waits
    payment_id         text,              -- the payment that it was filed under: payments.payment_id
    filed_at           integer,           -- when its verdict was made
    attempts           integer not null check (attempts >= 0),    -- how often a worker took it up
    leased_until       integer not null,  -- until when whoever received or claimed it is on it
    lease_owner        text,              -- the process that claimed it; none while it is with whoever received it
    constraint webhook_notices_body unique (digest, shop),
    constraint webhook_notices_filed check ((verdict is null) = (filed_at is null))
) strict;

create index webhook_notices_waiting on webhook_notices (received_at, notice_id) where verdict is null;
create index webhook_notices_filed_under on webhook_notices (payment_id, received_at, notice_id) where payment_id is not null;
