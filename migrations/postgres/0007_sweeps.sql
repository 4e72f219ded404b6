-- The sweep: what the gateway's list tells of payments that nobody was told about.

create table sweeps (
    shop                text primary key,
    cursor_at           timestamptz,
    swept_at            timestamptz,
    completed_at        timestamptz,
    pass_begun_at       timestamptz,
    pass_next_cursor_at timestamptz,
    pass_offset         bigint check (pass_offset >= 0),
    pass_created_before timestamptz,
    pass_reached_at     timestamptz,
    pass_unreadable     bigint check (pass_unreadable >= 0),
    next_at             timestamptz not null,
    lease_owner         uuid,
    leased_until        timestamptz,
    epoch               bigint not null check (epoch >= 0),
    constraint sweeps_lease check ((lease_owner is null) = (leased_until is null)),
    constraint sweeps_pass check ((pass_begun_at is null) = (pass_offset is null)
                                  and (pass_begun_at is null) = (pass_unreadable is null))
) with (fillfactor = 50);

comment on table sweeps is
    'How far the gateway''s list of changed payments has been read, and the pass over it that is under way. One row per shop.';
comment on column sweeps.shop is 'Whose.';
comment on column sweeps.cursor_at is 'What has changed since then, by the gateway''s clock, is what a pass reads (UTC). Moved only by a complete pass.';
comment on column sweeps.swept_at is 'When the last complete pass began that could read every item (UTC): whatever had changed before is known.';
comment on column sweeps.completed_at is 'When the last complete pass ended (UTC).';
comment on column sweeps.pass_begun_at is 'When the pass that is under way began (UTC); none between two passes.';
comment on column sweeps.pass_next_cursor_at is 'The cursor of the next pass, once this one is complete (UTC); none if the gateway did not tell the time.';
comment on column sweeps.pass_offset is 'How many items of the present slice of the list were read.';
comment on column sweeps.pass_created_before is 'The present slice holds what was created before, by the gateway''s clock (UTC); none for the first slice.';
comment on column sweeps.pass_reached_at is 'When the item was created that was read last, by the gateway''s clock (UTC): where the next slice begins.';
comment on column sweeps.pass_unreadable is 'How many items of this pass could not be read.';
comment on column sweeps.next_at is 'When somebody goes on with it, or begins the next pass (UTC).';
comment on column sweeps.lease_owner is 'The process that is reading.';
comment on column sweeps.leased_until is 'Until when others leave it alone (UTC).';
comment on column sweeps.epoch is 'Raised with each lease, so that whoever overslept is noticed.';

create table unmatched_gateway_payments (
    shop                      text not null,
    gateway_payment_id        text not null,
    payment_type              text,
    state                     text not null,
    reference_id              text,
    parent_gateway_payment_id text,
    amount                    numeric(28, 18) check (amount >= 0 and amount <> 'NaN'),
    currency                  text,
    created_at                timestamptz,
    seen                      jsonb not null,
    first_seen_at             timestamptz not null,
    last_seen_at              timestamptz not null,
    tries                     bigint not null check (tries >= 0),
    next_try_at               timestamptz,
    payment_id                uuid,
    matched_at                timestamptz,
    -- The id comes first, so that it can be found without its shop.
    primary key (gateway_payment_id, shop),
    constraint unmatched_gateway_payments_amount check ((amount is null) = (currency is null)),
    constraint unmatched_gateway_payments_matched check ((payment_id is null) = (matched_at is null))
);

create index unmatched_gateway_payments_due on unmatched_gateway_payments (next_try_at) where next_try_at is not null;
create index unmatched_gateway_payments_open on unmatched_gateway_payments (first_seen_at) where payment_id is null;

comment on table unmatched_gateway_payments is
    'Gateway payments that a sweep saw and that belonged to no payment of ours: made by somebody else with the shop''s keys, or in the gateway''s back office. Nothing that was seen is hidden.';
comment on column unmatched_gateway_payments.shop is 'The shop whose keys it was seen with.';
comment on column unmatched_gateway_payments.gateway_payment_id is 'The gateway''s name for it.';
comment on column unmatched_gateway_payments.payment_type is 'Which way its money goes, in the gateway''s word.';
comment on column unmatched_gateway_payments.state is 'Where it stands, in the gateway''s word.';
comment on column unmatched_gateway_payments.reference_id is 'The reference that it carries.';
comment on column unmatched_gateway_payments.parent_gateway_payment_id is 'The gateway payment that it belongs to: a refund''s deposit.';
comment on column unmatched_gateway_payments.amount is 'What it moves or moved, in major units of currency.';
comment on column unmatched_gateway_payments.currency is 'The currency of amount.';
comment on column unmatched_gateway_payments.created_at is 'When the gateway made it (UTC).';
comment on column unmatched_gateway_payments.seen is 'What was seen of it, without personal or card data.';
comment on column unmatched_gateway_payments.first_seen_at is 'When it was seen first (UTC).';
comment on column unmatched_gateway_payments.last_seen_at is 'When its latest news came (UTC).';
comment on column unmatched_gateway_payments.tries is 'How often it was tried to match it since then.';
comment on column unmatched_gateway_payments.next_try_at is 'When that is tried next (UTC); none if it is tried no more.';
comment on column unmatched_gateway_payments.payment_id is 'The payment that it was matched with after all: payments.payment_id.';
comment on column unmatched_gateway_payments.matched_at is 'When it was matched (UTC).';
