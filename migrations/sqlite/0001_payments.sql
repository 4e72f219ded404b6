-- A payment, its ledger, and what lies beside the ledger.
--
-- Tables and columns are those of PostgreSQL, under the same names, with what SQLite has for types:
--   ids      text, as people write UUIDs, so that any tool can read the file
--   times    integer, microseconds since 1970-01-01 UTC
--   money    three integers: whole major units, 1e-9 (nano), 1e-18 (atto): sums over them are exact, comparisons right
--   JSON     text
--   words    text with commas between them, for sets of fixed words
-- `strict` holds every column to its type. There are no foreign keys: each table is written in the one transaction that
-- also writes the payment, which proves more than a key could, and the views violation_* show what was written past it.

-- One row per payment: the fold of its entries in payment_events. Never changed by hand.
create table payments (
    payment_id               text not null primary key,  -- our name for it: a UUIDv7, so that newer ones sort behind older ones
    shop                     text not null,              -- which of the merchant's shops it belongs to
    reference_id             text not null,              -- the caller's name for it, unique within the shop
    payment_type             text not null check (payment_type in ('DEPOSIT', 'WITHDRAWAL', 'REFUND')),
    state                    text not null check (state in ('SUBMITTED', 'CHECKOUT', 'PENDING', 'AWAITING_APPROVAL',
                                                            'AUTHORIZED', 'COMPLETED', 'DECLINED', 'CANCELLED',
                                                            'REJECTED')),
    state_at                 integer not null,           -- since when it has this state
    amount_whole             integer not null check (amount_whole >= 0),
    amount_nano              integer not null check (amount_nano between 0 and 999999999),
    amount_atto              integer not null check (amount_atto between 0 and 999999999),
    currency                 text not null,              -- the requested currency: ISO 4217 or a crypto symbol
    requested_payment_method text,                       -- the method that was asked for; none leaves it to the customer
    payment_method           text,                       -- how the customer pays: what the gateway told, until then what was asked for
    flow                     text not null,              -- REDIRECT to the gateway's page, or H2H (host-to-host)
    kind                     text not null,              -- whether its request can move money by itself: inert or moving
    pre_auth                 integer not null check (pre_auth in (0, 1)),  -- 1: the money is only held
    parent_payment_id        text,                       -- the payment that it belongs to: a refund's deposit
    metadata                 text not null check (json_valid(metadata)),         -- the caller's own pairs of texts
    fingerprint              text not null check (json_valid(fingerprint)),      -- keyed digests of the request, field by field
    attempts                 text not null check (json_valid(attempts)),         -- the requests that were made for it, oldest first
    gateway_payment_id       text,                       -- the gateway's name for the payment that is ours; set once
    redirect_url             text,                       -- the gateway's checkout page for the customer
    external_refs            text not null check (json_valid(external_refs)),    -- what the customer must know to pay (host-to-host)
    settled_whole            integer check (settled_whole >= 0),                 -- what moved, in the gateway's words
    settled_nano             integer check (settled_nano between 0 and 999999999),
    settled_atto             integer check (settled_atto between 0 and 999999999),
    settled_currency         text,                       -- the currency of what moved; may differ from currency
    error_code               text,                       -- why it is dead: the gateway's code (4.01), or ours
    error_message            text,                       -- the same for a person
    external_result_code     text,                       -- the provider's own code
    error_fields             text not null check (json_valid(error_fields)),     -- what the gateway refused: [[field, reason]]
    confirmed_by             text not null,              -- words: who told the state that it has
    contradicted_by          text not null check (json_valid(contradicted_by)),  -- who told another final state: [[state, source]]
    others                   text not null check (json_valid(others)),           -- other gateway payments that have to do with it
    flags                    text not null,              -- words: what a person may want to look at
    state_changes            integer not null check (state_changes >= 0),        -- how many of its entries set the state
    version                  integer not null check (version >= 1),              -- how many entries its ledger has
    created_at               integer not null,           -- when it was opened
    updated_at               integer not null,           -- when its latest entry was seen
    -- The reference comes first, so that it can be found without its shop.
    constraint payments_reference unique (reference_id, shop),
    constraint payments_settled check ((settled_currency is null) = (settled_whole is null)
                                       and (settled_currency is null) = (settled_nano is null)
                                       and (settled_currency is null) = (settled_atto is null))
) strict;

create index payments_listed on payments (created_at desc, payment_id desc);
create index payments_listed_by_shop on payments (shop, created_at desc, payment_id desc);
create index payments_parent on payments (parent_payment_id) where parent_payment_id is not null;
create index payments_flagged on payments (created_at desc, payment_id desc) where flags <> '';

-- The ledger: every piece of evidence about a payment that changed anything, in order. Rows are only added.
create table payment_events (
    payment_id text not null,     -- whose: payments.payment_id
    sequence   integer not null check (sequence >= 1),  -- counted from 1 without gaps, per payment
    at         integer not null,  -- when it was seen
    source     text not null,     -- who saw it: request, response, webhook, poll, sweep, operator
    verdict    text not null,     -- what was decided: moves, confirms, contradicts, elsewhere
    kind       text not null,     -- what was seen, in a word: opened, accepted, refused, outcome-unknown, reported …
    state      text not null,     -- the state of the payment after it
    seen       text not null check (json_valid(seen)),    -- what was seen, without personal or card data
    change     text not null check (json_valid(change)),  -- what it changed; what is absent stayed as it was
    primary key (payment_id, sequence)
) strict;

create trigger payment_events_are_not_updated before update on payment_events
begin
    select raise(abort, 'rows of payment_events are only added');
end;

create trigger payment_events_are_not_deleted before delete on payment_events
begin
    select raise(abort, 'rows of payment_events are only added');
end;

-- What was done for a payment beside its ledger: looks that brought no news, the next one, and who is on it.
create table payment_checks (
    payment_id     text not null primary key,  -- whose: payments.payment_id
    open_state     text,              -- the payment's state while it is not final, else none: finds open payments by their state
    next_check_at  integer,           -- when somebody looks next; none if nothing more can be learned
    checks         integer not null check (checks >= 0),          -- looks since the payment last changed
    empty_look_ups integer not null check (empty_look_ups >= 0),  -- complete look-ups that found nothing, after the quarantine
    checked_at     integer,           -- when somebody last looked
    lease_owner    text,              -- the process that is working on it
    leased_until   integer,           -- until when others leave it alone
    epoch          integer not null check (epoch >= 0),           -- raised with each lease, so that whoever overslept is noticed
    constraint payment_checks_lease check ((lease_owner is null) = (leased_until is null))
) strict, without rowid;

create index payment_checks_due on payment_checks (next_check_at, payment_id) where next_check_at is not null;
create index payment_checks_open on payment_checks (open_state, payment_id) where open_state is not null;

-- Which payment a gateway payment belongs to, adopted or beside it. One gateway payment belongs to one payment.
create table gateway_payments (
    shop               text not null,     -- the shop whose keys it was seen with
    gateway_payment_id text not null,     -- the gateway's name for it
    payment_id         text not null,     -- ours: payments.payment_id
    at                 integer not null,  -- when it became that payment's
    -- The id comes first, so that it can be found without its shop.
    primary key (gateway_payment_id, shop)
) strict, without rowid;

-- Encrypted requests of inert payments that may have to be sent a second time. Gone when the payment is final, or after
-- a day.
create table kept_requests (
    payment_id text not null primary key,  -- whose: payments.payment_id
    body       blob not null,              -- the request, encrypted
    kept_at    integer not null            -- since when
) strict;

create index kept_requests_oldest on kept_requests (kept_at);
