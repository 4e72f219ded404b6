-- Comparisons of one shop's payments with the gateway's list, for what was made in a window of time. One at a time per
-- shop.
create table reconciliations (
    run_id       text not null primary key,  -- our name for it: a UUID
    shop         text not null,     -- whose payments are compared
    window_from  integer not null,  -- what was made then or later is compared
    window_to    integer not null,  -- what was made before is compared
    cause        text not null check (cause in ('last-day', 'last-week', 'ordered', 'command-line')),  -- why it runs: a schedule, an order, or the command line
    ordered_by   text check (ordered_by is null or json_valid(ordered_by)),  -- whose key ordered it: {key, name}
    ordered_at   integer not null,  -- when it was ordered; those of one shop run in this order
    state        text not null check (state in ('waiting', 'running', 'completed', 'failed')),
    failure      text,              -- why it failed, or what it last met while it runs
    failures     integer not null check (failures >= 0),            -- how often it came no further, in a row
    progress     text not null check (json_valid(progress)),        -- where it stands, and how much it has seen: {step, offset, createdBefore, reached, after, pages, items, payments, unreadable, trouble}
    tally        text check (tally is null or json_valid(tally)),   -- what it came to: {open: {kind: count}, opened, resolved, closed}
    begun_at     integer,           -- when it was first taken up
    finished_at  integer,           -- when it came to its end
    next_at      integer not null,  -- when somebody goes on with it
    lease_owner  text,              -- the process that is on it
    leased_until integer,           -- until when others leave it alone
    epoch        integer not null check (epoch >= 0),  -- raised with each lease, so that whoever overslept is noticed
    constraint reconciliations_window check (window_from < window_to),
    constraint reconciliations_lease check ((lease_owner is null) = (leased_until is null)),
    constraint reconciliations_finished check ((finished_at is not null) = (state in ('completed', 'failed')))
) strict;

create unique index reconciliations_open on reconciliations (shop, window_from, window_to) where finished_at is null;
create index reconciliations_next on reconciliations (shop, ordered_at, run_id) where finished_at is null;
create index reconciliations_listed on reconciliations (ordered_at desc, run_id desc);

-- The gateway payments that a comparison has met so far: pages shift, and a process may die. Gone when it ends.
create table reconciliation_items (
    run_id             text not null,  -- which comparison: reconciliations.run_id
    gateway_payment_id text not null,  -- the gateway's name for it
    said               text not null,  -- its state and its sum there, in words
    agrees             integer not null check (agrees in (0, 1)),  -- whether nothing is left to be asked about it
    primary key (run_id, gateway_payment_id)
) strict, without rowid;

-- Payments whose end and whose sum two independent sources told: the gateway's list, and a notice or a look. Good for as
-- long as the payment is still the same.
create table reconciled_payments (
    payment_id   text not null primary key,  -- which payment: payments.payment_id
    at           integer not null,  -- since when
    run_id       text not null,     -- which comparison found it: reconciliations.run_id
    state        text not null,     -- the end that both told
    amount_whole integer check (amount_whole >= 0),  -- what moved; none if nothing did
    amount_nano  integer check (amount_nano between 0 and 999999999),
    amount_atto  integer check (amount_atto between 0 and 999999999),
    currency     text,              -- the currency of the amount
    constraint reconciled_payments_amount check ((currency is null) = (amount_whole is null)
                                                 and (currency is null) = (amount_nano is null)
                                                 and (currency is null) = (amount_atto is null))
) strict, without rowid;

-- Differences between our records and the gateway's. Never deleted: a person resolves one with a reason, or a comparison
-- that no longer finds it closes it with what it saw.
create table breaks (
    break_id           text not null primary key,  -- our name for it: a UUID
    kind               text not null check (kind in ('missing-at-gateway', 'missing-here', 'state-differs',
                                                     'amount-differs', 'currency-differs', 'surplus', 'late-success',
                                                     'unmatched-webhook')),  -- what differs
    shop               text not null,     -- whose
    subject            text not null,     -- our payment's id, else the gateway's, else that of a notice; at most one is open per kind and subject
    subject_at         integer not null,  -- when that was made: comparisons of a window around it speak of it
    payment_id         text,              -- our payment: payments.payment_id
    gateway_payment_id text,              -- the gateway's name for its payment
    reference_id       text,              -- the reference
    our_state          text,              -- where we have it; none if we do not
    our_whole          integer check (our_whole >= 0),  -- what we have moved
    our_nano           integer check (our_nano between 0 and 999999999),
    our_atto           integer check (our_atto between 0 and 999999999),
    our_currency       text,              -- the currency of that
    their_state        text,              -- where the gateway has it; none if it does not
    their_whole        integer check (their_whole >= 0),  -- what the gateway has moved
    their_nano         integer check (their_nano between 0 and 999999999),
    their_atto         integer check (their_atto between 0 and 999999999),
    their_currency     text,              -- the currency of that
    state              text not null check (state in ('open', 'resolved', 'closed')),  -- resolved by a person, closed by a comparison
    first_seen_at      integer not null,  -- when it was found first
    last_seen_at       integer not null,  -- when it was found last
    first_run          text not null,     -- the comparison that found it first: reconciliations.run_id
    last_run           text not null,     -- the one that found it last
    owner              text,              -- who looks after it
    ended_at           integer,           -- when it was resolved or closed
    reason             text,              -- why: a person's words, or what the comparison saw
    resolved_by        text check (resolved_by is null or json_valid(resolved_by)),  -- who resolved it: {key, name}
    closed_run         text,              -- the comparison that closed it: reconciliations.run_id
    constraint breaks_our_amount check ((our_currency is null) = (our_whole is null)
                                        and (our_currency is null) = (our_nano is null)
                                        and (our_currency is null) = (our_atto is null)),
    constraint breaks_their_amount check ((their_currency is null) = (their_whole is null)
                                          and (their_currency is null) = (their_nano is null)
                                          and (their_currency is null) = (their_atto is null)),
    constraint breaks_end check ((state = 'open') = (ended_at is null) and (state = 'open') = (reason is null)
                                 and (state = 'resolved') = (resolved_by is not null)
                                 and (state = 'closed') = (closed_run is not null))
) strict;

create unique index breaks_open on breaks (shop, kind, subject) where state = 'open';
create index breaks_subject on breaks (shop, kind, subject, first_seen_at desc);
create index breaks_covered on breaks (shop, subject_at) where state = 'open';
create index breaks_listed on breaks (first_seen_at desc, break_id desc);
create index breaks_payment on breaks (payment_id) where payment_id is not null;
create index breaks_last_run on breaks (last_run);
create index breaks_closed_run on breaks (closed_run) where closed_run is not null;
create index webhook_notices_unmatched on webhook_notices (received_at, notice_id) where verdict = 'unmatched';
