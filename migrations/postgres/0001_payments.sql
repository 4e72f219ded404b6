-- A payment, its ledger, and what lies beside the ledger.
--
-- Times are UTC to the microsecond. Amounts are major units (11.12 EUR is eleven euros and twelve cents), exact to 18
-- fraction digits. There are no foreign keys: each table is written by the one statement that also writes the payment,
-- which proves more than a key could, and the views violation_* show what was written past it.

create table payments (
    payment_id               uuid primary key,
    shop                     text not null,
    reference_id             text not null,
    payment_type             text not null check (payment_type in ('DEPOSIT', 'WITHDRAWAL', 'REFUND')),
    state                    text not null check (state in ('SUBMITTED', 'CHECKOUT', 'PENDING', 'AWAITING_APPROVAL',
                                                            'AUTHORIZED', 'COMPLETED', 'DECLINED', 'CANCELLED',
                                                            'REJECTED')),
    state_at                 timestamptz not null,
    amount                   numeric(28, 18) not null check (amount >= 0 and amount <> 'NaN'),
    currency                 text not null,
    requested_payment_method text,
    payment_method           text,
    flow                     text not null,
    kind                     text not null,
    pre_auth                 boolean not null,
    parent_payment_id        uuid,
    metadata                 jsonb not null,
    fingerprint              jsonb not null,
    attempts                 jsonb not null,
    gateway_payment_id       text,
    redirect_url             text,
    external_refs            jsonb not null,
    settled_amount           numeric(28, 18) check (settled_amount >= 0 and settled_amount <> 'NaN'),
    settled_currency         text,
    error_code               text,
    error_message            text,
    external_result_code     text,
    error_fields             jsonb not null,
    confirmed_by             text[] not null,
    contradicted_by          jsonb not null,
    others                   jsonb not null,
    flags                    text[] not null,
    state_changes            bigint not null check (state_changes >= 0),
    version                  bigint not null check (version >= 1),
    created_at               timestamptz not null,
    updated_at               timestamptz not null,
    -- The reference comes first, so that it can be found without its shop.
    constraint payments_reference unique (reference_id, shop),
    constraint payments_settled check ((settled_amount is null) = (settled_currency is null))
) with (fillfactor = 70);

-- No index stands on a column that a usual change touches (state, updated_at, version …): so that a change stays on its
-- page (HOT) and no index grows with it. Open payments are found by their state through payment_checks.
-- Nor does any but the primary key hold payment_id, here and below: on a table that is still empty the planner may
-- otherwise take the wrong one, and keep it. Payments of one moment are few enough to be sorted when they are listed.
create index payments_listed on payments (created_at desc);
create index payments_listed_by_shop on payments (shop, created_at desc);
create index payments_parent on payments (parent_payment_id) where parent_payment_id is not null;
create index payments_flagged on payments (created_at desc) where flags <> '{}';
create index payments_metadata on payments using gin (metadata jsonb_path_ops) where metadata <> '{}';

comment on table payments is
    'One row per payment: the fold of its entries in payment_events. Never changed by hand.';
comment on column payments.payment_id is 'Our name for it: a UUIDv7, so that newer ones sort behind older ones.';
comment on column payments.shop is 'Which of the merchant''s shops it belongs to; each has its own keys at the gateway.';
comment on column payments.reference_id is 'The caller''s name for it, unique within the shop.';
comment on column payments.payment_type is 'Which way the money goes: DEPOSIT, WITHDRAWAL or REFUND.';
comment on column payments.state is
    'Where it stands. SUBMITTED: asked for, outcome not known. CHECKOUT, PENDING, AWAITING_APPROVAL, AUTHORIZED: open at the gateway. COMPLETED, DECLINED, CANCELLED: the gateway''s last word. REJECTED: no gateway payment exists for it.';
comment on column payments.state_at is 'Since when it has this state (UTC).';
comment on column payments.amount is 'The requested amount in major units of currency; never changes.';
comment on column payments.currency is 'The requested currency: ISO 4217 or a crypto symbol.';
comment on column payments.requested_payment_method is 'The method that was asked for; none leaves the choice to the customer.';
comment on column payments.payment_method is 'How the customer pays: what the gateway told, until then what was asked for.';
comment on column payments.flow is 'How the customer gets to pay: REDIRECT to the gateway''s page, or H2H (host-to-host).';
comment on column payments.kind is 'Whether its request can move money by itself: inert or moving.';
comment on column payments.pre_auth is 'Whether the money is only held, to be captured later.';
comment on column payments.parent_payment_id is 'The payment (payment_id) that it belongs to: a refund''s deposit.';
comment on column payments.metadata is 'The caller''s own pairs of texts; never sent to the gateway.';
comment on column payments.fingerprint is 'Keyed digests of the request, field by field (JSON pointer to digest), to tell a repeat from another request.';
comment on column payments.attempts is 'The requests that were made for it, oldest first: when each left and what became of it.';
comment on column payments.gateway_payment_id is 'The gateway''s name for the payment that is ours; set once, never replaced.';
comment on column payments.redirect_url is 'The gateway''s checkout page for the customer.';
comment on column payments.external_refs is 'What the customer must know to pay without a checkout page (host-to-host): pairs of texts.';
comment on column payments.settled_amount is 'What moved, in major units of settled_currency, in the gateway''s words; may differ from amount. Absent until the gateway told.';
comment on column payments.settled_currency is 'The currency of what moved; may differ from currency.';
comment on column payments.error_code is 'Why it is dead: the gateway''s code (4.01), or ours (gateway-refused, not-sent).';
comment on column payments.error_message is 'The same for a person.';
comment on column payments.external_result_code is 'The provider''s own code, or the reason of a rejected withdrawal.';
comment on column payments.error_fields is 'What the gateway refused: an array of [field, reason].';
comment on column payments.confirmed_by is 'Who told the state that it has: request, response, webhook, poll, sweep, operator.';
comment on column payments.contradicted_by is 'Who told another final state: an array of [state, source].';
comment on column payments.others is 'Other gateway payments that have to do with it (surplus, cascade, foreign), in the order in which they were seen.';
comment on column payments.flags is 'What a person may want to look at; flags are raised by evidence and stay.';
comment on column payments.state_changes is 'How many of its entries set the state: the number of its rows in outbox.';
comment on column payments.version is 'How many entries its ledger has.';
comment on column payments.created_at is 'When it was opened (UTC).';
comment on column payments.updated_at is 'When its latest entry was seen (UTC).';

create table payment_events (
    payment_id uuid not null,
    sequence   bigint not null check (sequence >= 1),
    at         timestamptz not null,
    source     text not null,
    verdict    text not null,
    kind       text not null,
    state      text not null,
    seen       jsonb not null,
    change     jsonb not null,
    primary key (payment_id, sequence)
);

comment on table payment_events is
    'The ledger: every piece of evidence about a payment that changed anything, in order. Rows are only added.';
comment on column payment_events.payment_id is 'Whose: payments.payment_id.';
comment on column payment_events.sequence is 'Counted from 1 without gaps, per payment.';
comment on column payment_events.at is 'When it was seen (UTC).';
comment on column payment_events.source is 'Who saw it: request, response, webhook, poll, sweep, operator.';
comment on column payment_events.verdict is 'What was decided: moves, confirms, contradicts, elsewhere.';
comment on column payment_events.kind is 'What was seen, in a word: opened, accepted, refused, outcome-unknown, reported …';
comment on column payment_events.state is 'The state of the payment after it.';
comment on column payment_events.seen is 'What was seen, without personal or card data.';
comment on column payment_events.change is 'What it changed of the payment; what is absent stayed as it was.';

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are only added', tg_table_name using errcode = 'restrict_violation';
end
$$;
comment on function refuse_change() is 'Keeps a ledger a ledger. Fires on what never happens, so that an insert costs nothing more.';

create trigger payment_events_are_only_added before update or delete or truncate on payment_events
    for each statement execute function refuse_change();

create table payment_checks (
    payment_id     uuid primary key,
    open_state     text,
    next_check_at  timestamptz,
    checks         bigint not null check (checks >= 0),
    empty_look_ups bigint not null check (empty_look_ups >= 0),
    checked_at     timestamptz,
    lease_owner    uuid,
    leased_until   timestamptz,
    epoch          bigint not null check (epoch >= 0),
    constraint payment_checks_lease check ((lease_owner is null) = (leased_until is null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

create index payment_checks_due on payment_checks (next_check_at) where next_check_at is not null;
create index payment_checks_open on payment_checks (open_state) where open_state is not null;

comment on table payment_checks is
    'What was done for a payment beside its ledger: looks that brought no news, the next one, and who is on it. One row per payment.';
comment on column payment_checks.payment_id is 'Whose: payments.payment_id.';
comment on column payment_checks.open_state is 'The payment''s state while it is not final, else none: finds open payments by their state without an index on payments.state, which would make every change of a payment dearer.';
comment on column payment_checks.next_check_at is 'When somebody looks next (UTC); none if nothing more can be learned.';
comment on column payment_checks.checks is 'Looks since the payment last changed.';
comment on column payment_checks.empty_look_ups is 'Complete look-ups by reference that found nothing, after the quarantine of the last request.';
comment on column payment_checks.checked_at is 'When somebody last looked (UTC).';
comment on column payment_checks.lease_owner is 'The process that is working on it.';
comment on column payment_checks.leased_until is 'Until when others leave it alone (UTC).';
comment on column payment_checks.epoch is 'Raised with each lease, so that whoever overslept is noticed.';

create table gateway_payments (
    shop               text not null,
    gateway_payment_id text not null,
    payment_id         uuid not null,
    at                 timestamptz not null,
    -- The id comes first, so that it can be found without its shop.
    primary key (gateway_payment_id, shop)
);

comment on table gateway_payments is
    'Which payment a gateway payment belongs to, adopted or beside it. One gateway payment belongs to one payment.';
comment on column gateway_payments.shop is 'The shop whose keys it was seen with.';
comment on column gateway_payments.gateway_payment_id is 'The gateway''s name for it.';
comment on column gateway_payments.payment_id is 'Ours: payments.payment_id.';
comment on column gateway_payments.at is 'When it became that payment''s (UTC).';

create table kept_requests (
    payment_id uuid primary key,
    body       bytea not null,
    kept_at    timestamptz not null
);
alter table kept_requests alter column body set storage external; -- encrypted bytes do not compress

create index kept_requests_oldest on kept_requests (kept_at);

comment on table kept_requests is
    'Encrypted requests of inert payments that may have to be sent a second time. Gone when the payment is final, or after a day.';
comment on column kept_requests.payment_id is 'Whose: payments.payment_id.';
comment on column kept_requests.body is 'The request, encrypted.';
comment on column kept_requests.kept_at is 'Since when (UTC).';
