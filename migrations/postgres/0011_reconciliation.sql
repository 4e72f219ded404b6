-- Reconciliation: our payments held against the gateway's list, and the differences that somebody owns.

create table reconciliations (
    run_id       uuid primary key,
    shop         text not null,
    window_from  timestamptz not null,
    window_to    timestamptz not null,
    cause        text not null check (cause in ('last-day', 'last-week', 'ordered', 'command-line')),
    ordered_by   jsonb,
    ordered_at   timestamptz not null,
    state        text not null check (state in ('waiting', 'running', 'completed', 'failed')),
    failure      text,
    failures     bigint not null check (failures >= 0),
    progress     jsonb not null,
    tally        jsonb,
    begun_at     timestamptz,
    finished_at  timestamptz,
    next_at      timestamptz not null,
    lease_owner  uuid,
    leased_until timestamptz,
    epoch        bigint not null check (epoch >= 0),
    constraint reconciliations_window check (window_from < window_to),
    constraint reconciliations_lease check ((lease_owner is null) = (leased_until is null)),
    constraint reconciliations_finished check ((finished_at is not null) = (state in ('completed', 'failed')))
) with (fillfactor = 50);

create unique index reconciliations_open on reconciliations (shop, window_from, window_to) where finished_at is null;
create index reconciliations_next on reconciliations (shop, ordered_at, run_id) where finished_at is null;
create index reconciliations_listed on reconciliations (ordered_at desc, run_id desc);

comment on table reconciliations is
    'Comparisons of one shop''s payments with the gateway''s list, for what was made in a window of time. One at a time per shop.';
comment on column reconciliations.run_id is 'Our name for it: a UUID.';
comment on column reconciliations.shop is 'Whose payments are compared.';
comment on column reconciliations.window_from is 'What was made then or later is compared (UTC).';
comment on column reconciliations.window_to is 'What was made before is compared (UTC).';
comment on column reconciliations.cause is 'Why it runs: a schedule, an order, or the command line.';
comment on column reconciliations.ordered_by is 'Whose key ordered it: {key, name}.';
comment on column reconciliations.ordered_at is 'When it was ordered (UTC); those of one shop run in this order.';
comment on column reconciliations.state is 'waiting, running, completed or failed.';
comment on column reconciliations.failure is 'Why it failed, or what it last met while it runs.';
comment on column reconciliations.failures is 'How often it came no further, in a row.';
comment on column reconciliations.progress is 'Where it stands, and how much it has seen: {step, offset, createdBefore, reached, after, pages, items, payments, unreadable, trouble}.';
comment on column reconciliations.tally is 'What it came to: {open: {kind: count}, opened, resolved, closed}.';
comment on column reconciliations.begun_at is 'When it was first taken up (UTC).';
comment on column reconciliations.finished_at is 'When it came to its end (UTC).';
comment on column reconciliations.next_at is 'When somebody goes on with it (UTC).';
comment on column reconciliations.lease_owner is 'The process that is on it.';
comment on column reconciliations.leased_until is 'Until when others leave it alone (UTC).';
comment on column reconciliations.epoch is 'Raised with each lease, so that whoever overslept is noticed.';

create table reconciliation_items (
    run_id             uuid not null,
    gateway_payment_id text not null,
    said               text not null,
    agrees             boolean not null,
    primary key (run_id, gateway_payment_id)
);

comment on table reconciliation_items is
    'The gateway payments that a comparison has met so far: pages shift, and a process may die. Gone when it ends.';
comment on column reconciliation_items.run_id is 'Which comparison: reconciliations.run_id.';
comment on column reconciliation_items.gateway_payment_id is 'The gateway''s name for it.';
comment on column reconciliation_items.said is 'Its state and its sum there, in words.';
comment on column reconciliation_items.agrees is 'Whether nothing is left to be asked about it.';

create table reconciled_payments (
    payment_id uuid primary key,
    at         timestamptz not null,
    run_id     uuid not null,
    state      text not null,
    amount     numeric(28, 18) check (amount >= 0 and amount <> 'NaN'),
    currency   text,
    constraint reconciled_payments_amount check ((amount is null) = (currency is null))
);

comment on table reconciled_payments is
    'Payments whose end and whose sum two independent sources told: the gateway''s list, and a notice or a look. Good for as long as the payment is still the same.';
comment on column reconciled_payments.payment_id is 'Which payment: payments.payment_id.';
comment on column reconciled_payments.at is 'Since when (UTC).';
comment on column reconciled_payments.run_id is 'Which comparison found it: reconciliations.run_id.';
comment on column reconciled_payments.state is 'The end that both told.';
comment on column reconciled_payments.amount is 'What moved, in major units of currency; none if nothing did.';
comment on column reconciled_payments.currency is 'The currency of amount.';

create table breaks (
    break_id           uuid primary key,
    kind               text not null check (kind in ('missing-at-gateway', 'missing-here', 'state-differs',
                                                     'amount-differs', 'currency-differs', 'surplus', 'late-success',
                                                     'unmatched-webhook')),
    shop               text not null,
    subject            text not null,
    subject_at         timestamptz not null,
    payment_id         uuid,
    gateway_payment_id text,
    reference_id       text,
    our_state          text,
    our_amount         numeric(28, 18) check (our_amount >= 0 and our_amount <> 'NaN'),
    our_currency       text,
    their_state        text,
    their_amount       numeric(28, 18) check (their_amount >= 0 and their_amount <> 'NaN'),
    their_currency     text,
    state              text not null check (state in ('open', 'resolved', 'closed')),
    first_seen_at      timestamptz not null,
    last_seen_at       timestamptz not null,
    first_run          uuid not null,
    last_run           uuid not null,
    owner              text,
    ended_at           timestamptz,
    reason             text,
    resolved_by        jsonb,
    closed_run         uuid,
    constraint breaks_our_amount check ((our_amount is null) = (our_currency is null)),
    constraint breaks_their_amount check ((their_amount is null) = (their_currency is null)),
    constraint breaks_end check ((state = 'open') = (ended_at is null) and (state = 'open') = (reason is null)
                                 and (state = 'resolved') = (resolved_by is not null)
                                 and (state = 'closed') = (closed_run is not null))
);

create unique index breaks_open on breaks (shop, kind, subject) where state = 'open';
create index breaks_subject on breaks (shop, kind, subject, first_seen_at desc);
create index breaks_covered on breaks (shop, subject_at) where state = 'open';
create index breaks_listed on breaks (first_seen_at desc, break_id desc);
create index breaks_payment on breaks (payment_id) where payment_id is not null;
create index breaks_last_run on breaks (last_run);
create index breaks_closed_run on breaks (closed_run) where closed_run is not null;
create index webhook_notices_unmatched on webhook_notices (received_at, notice_id) where verdict = 'unmatched';

comment on table breaks is
    'Differences between our records and the gateway''s. Never deleted: a person resolves one with a reason, or a comparison that no longer finds it closes it with what it saw.';
comment on column breaks.break_id is 'Our name for it: a UUID.';
comment on column breaks.kind is 'What differs.';
comment on column breaks.shop is 'Whose.';
comment on column breaks.subject is 'What it is about: our payment''s id, else the gateway''s, else that of a notice. At most one is open per kind and subject.';
comment on column breaks.subject_at is 'When that was made (UTC): comparisons of a window around it speak of it.';
comment on column breaks.payment_id is 'Our payment: payments.payment_id.';
comment on column breaks.gateway_payment_id is 'The gateway''s name for its payment.';
comment on column breaks.reference_id is 'The reference.';
comment on column breaks.our_state is 'Where we have it; none if we do not.';
comment on column breaks.our_amount is 'What we have moved, in major units of our_currency.';
comment on column breaks.our_currency is 'The currency of our_amount.';
comment on column breaks.their_state is 'Where the gateway has it; none if it does not.';
comment on column breaks.their_amount is 'What the gateway has moved, in major units of their_currency.';
comment on column breaks.their_currency is 'The currency of their_amount.';
comment on column breaks.state is 'open, resolved (by a person) or closed (by a comparison).';
comment on column breaks.first_seen_at is 'When it was found first (UTC).';
comment on column breaks.last_seen_at is 'When it was found last (UTC).';
comment on column breaks.first_run is 'The comparison that found it first: reconciliations.run_id.';
comment on column breaks.last_run is 'The one that found it last.';
comment on column breaks.owner is 'Who looks after it.';
comment on column breaks.ended_at is 'When it was resolved or closed (UTC).';
comment on column breaks.reason is 'Why: a person''s words, or what the comparison saw.';
comment on column breaks.resolved_by is 'Who resolved it: {key, name}.';
comment on column breaks.closed_run is 'The comparison that closed it: reconciliations.run_id.';
