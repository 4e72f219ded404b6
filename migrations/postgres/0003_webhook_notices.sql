-- The inbox: what the gateway told us, stored before it is answered.

create table webhook_notices (
    notice_id          uuid primary key,
    shop               text not null,
    received_at        timestamptz not null,
    last_received_at   timestamptz not null,
    deliveries         bigint not null check (deliveries >= 1),
    body               bytea not null,
    digest             bytea not null,
    gateway_payment_id text,
    reference_id       text,
    state              text,
    verdict            text,
    payment_id         uuid,
    filed_at           timestamptz,
    attempts           bigint not null check (attempts >= 0),
    leased_until       timestamptz not null,
    lease_owner        uuid,
    constraint webhook_notices_body unique (digest, shop),
    constraint webhook_notices_filed check ((verdict is null) = (filed_at is null))
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
alter table webhook_notices alter column body set storage external; -- encrypted bytes do not compress

create index webhook_notices_waiting on webhook_notices (received_at) where verdict is null;
create index webhook_notices_filed_under on webhook_notices (payment_id, received_at) where payment_id is not null;

comment on table webhook_notices is
    'Verified notices of the gateway. The same body is stored once, however often it comes.';
comment on column webhook_notices.notice_id is 'Our name for it: a UUIDv7 made at receipt.';
comment on column webhook_notices.shop is 'The shop whose signing key it was verified with.';
comment on column webhook_notices.received_at is 'When it came first (UTC).';
comment on column webhook_notices.last_received_at is 'When the same body came last (UTC).';
comment on column webhook_notices.deliveries is 'How often the same body came.';
comment on column webhook_notices.body is 'The raw bytes, masked and encrypted.';
comment on column webhook_notices.digest is 'A keyed digest of the raw bytes: the same notice again has the same one.';
comment on column webhook_notices.gateway_payment_id is 'The gateway payment that it is about.';
comment on column webhook_notices.reference_id is 'The reference that it carries.';
comment on column webhook_notices.state is 'The state that it tells, in the gateway''s word.';
comment on column webhook_notices.verdict is 'What it came to: moves, confirms, stale, contradicts, elsewhere, unmatched; none while it waits.';
comment on column webhook_notices.payment_id is 'The payment that it was filed under: payments.payment_id.';
comment on column webhook_notices.filed_at is 'When its verdict was made (UTC).';
comment on column webhook_notices.attempts is 'How often a worker took it up.';
comment on column webhook_notices.leased_until is 'Until when whoever received or claimed it is on it (UTC).';
comment on column webhook_notices.lease_owner is 'The process that claimed it; none while it is with whoever received it.';
