-- Settlement files: what a provider or a bank says that it has paid out, as a third book of the same money.

-- Files that say what was paid out. Each is compared once, by the run that has its name.
create table settlements (
    settlement_id text not null primary key,  -- our name for it, made of the shop and the digest, so that the same file is the same one; its comparison has it too: reconciliations.run_id
    shop          text not null,     -- whose payments it tells of
    digest        text not null,     -- the SHA-256 of the file, in hex
    format        text not null,     -- how it was written: csv, camt.053
    bytes         integer not null check (bytes >= 0),    -- its length
    lines         integer not null check (lines >= 0),    -- payments that it tells of, each counted once
    unnamed       integer not null check (unnamed >= 0),  -- what it tells of no payment: it carries no name, and is not compared
    window_from   integer not null,  -- the day of its earliest line
    window_to     integer not null,  -- the end of the day of its latest line
    uploaded_by   text check (uploaded_by is null or json_valid(uploaded_by)),  -- whose key brought it: {key, name}; none on the command line
    uploaded_at   integer not null,  -- when it came
    constraint settlements_window check (window_from < window_to)
) strict;

-- What settlement files say, payment by payment: never changed.
create table settlement_lines (
    settlement_id text not null,  -- which file: settlements.settlement_id. Lines are kept before their file is
    number        integer not null check (number >= 1),     -- its place among the lines of the file, from 1
    line          text not null check (json_valid(line)),   -- what it says: {number, ids, references, money, fee, at}
    primary key (settlement_id, number)
) strict, without rowid;

-- Payments that a settlement file tells of.
create table settled_payments (
    payment_id    text not null primary key,  -- which payment: payments.payment_id
    settlement_id text not null               -- the first file that tells of it: settlements.settlement_id
) strict, without rowid;

-- What our payments are held against: the gateway's list, or a settlement file, whose name is that of the run.
alter table reconciliations add column against text not null default 'list' check (against in ('list', 'settlement'));

-- A file is compared under its own name, whichever other runs there are about its days.
drop index reconciliations_open;
create unique index reconciliations_open on reconciliations (shop, window_from, window_to)
    where finished_at is null and against = 'list';

-- More kinds of differences. A check of a column cannot be changed here: the table is made anew, as it was.
create table breaks_with_settlements (
    break_id           text not null primary key,  -- our name for it: a UUID
    kind               text not null check (kind in ('missing-at-gateway', 'missing-here', 'state-differs',
                                                     'amount-differs', 'currency-differs', 'surplus', 'late-success',
                                                     'unmatched-webhook', 'not-settled', 'settled-unknown',
                                                     'settled-differs', 'fee-differs')),  -- what differs
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

insert into breaks_with_settlements (
    break_id, kind, shop, subject, subject_at, payment_id, gateway_payment_id, reference_id, our_state, our_whole,
    our_nano, our_atto, our_currency, their_state, their_whole, their_nano, their_atto, their_currency, state,
    first_seen_at, last_seen_at, first_run, last_run, owner, ended_at, reason, resolved_by, closed_run)
select
    break_id, kind, shop, subject, subject_at, payment_id, gateway_payment_id, reference_id, our_state, our_whole,
    our_nano, our_atto, our_currency, their_state, their_whole, their_nano, their_atto, their_currency, state,
    first_seen_at, last_seen_at, first_run, last_run, owner, ended_at, reason, resolved_by, closed_run
from breaks;

drop table breaks;
alter table breaks_with_settlements rename to breaks;

create unique index breaks_open on breaks (shop, kind, subject) where state = 'open';
create index breaks_subject on breaks (shop, kind, subject, first_seen_at desc);
create index breaks_covered on breaks (shop, subject_at) where state = 'open';
create index breaks_listed on breaks (first_seen_at desc, break_id desc);
create index breaks_payment on breaks (payment_id) where payment_id is not null;
create index breaks_last_run on breaks (last_run);
create index breaks_closed_run on breaks (closed_run) where closed_run is not null;
create index breaks_of_settlements on breaks (payment_id)
    where state = 'open' and kind in ('not-settled', 'settled-unknown', 'settled-differs', 'fee-differs');
