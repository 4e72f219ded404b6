-- What needs a person: which payments are stuck, what people decided about them, what two people must decide, and switches.

-- What is open already is listed from its next look on, which is at most a day away; what is flagged, at once.

-- Whose it is: payments.shop; none for what nobody has looked at since it was recorded here.
alter table payment_checks add column shop text;
-- Looks in a row that could not be made.
alter table payment_checks add column failures integer not null default 0 check (failures >= 0);
-- Why it is stuck, or will be if nothing happens to it; none if it never will be.
alter table payment_checks add column stuck_reason text;
-- Since when that is so: what its age is counted from.
alter table payment_checks add column stuck_since integer;
-- From when on a person is to know.
alter table payment_checks add column stuck_at integer;

-- What people have decided about it: {assignee, snoozedUntil, settled}; none if nothing.
alter table payments add column care text check (care is null or json_valid(care));

update payment_checks
set shop = p.shop, stuck_since = p.updated_at, stuck_at = p.updated_at,
    stuck_reason = case when p.flags like '%surplus%' or p.flags like '%paid-elsewhere%' then 'surplus'
                        when p.flags like '%not-found-at-gateway%' then 'not-found-at-gateway'
                        else 'contradiction' end
from payments p
where p.payment_id = payment_checks.payment_id and p.flags <> ''
  and (p.flags like '%surplus%' or p.flags like '%paid-elsewhere%' or p.flags like '%not-found-at-gateway%'
       or p.flags like '%contradict%' or p.flags like '%type-differs%' or p.flags like '%undecided-candidates%'
       or p.flags like '%id-claimed-elsewhere%' or p.flags like '%over-refunded%');

-- The shop stands in it so that a key that sees one shop passes over the others' without looking them up.
create index payment_checks_stuck on payment_checks (stuck_reason, stuck_at, payment_id, shop)
    where stuck_reason is not null;
create index payments_snoozed on payments (payment_id) where care ->> 'snoozedUntil' is not null;

-- I1: a request that two people let go is not counted; it is in the ledger that they did.
drop view violation_more_requests_than_allowed;
create view violation_more_requests_than_allowed as
with requests as (
    select payment_id, kind,
           (select count(*) from json_each(attempts) a where a.value ->> 'outcome' not in ('not-sent', 'released')) as sent
    from payments
)
select payment_id as subject, format('%s, %d requests that may have left', kind, sent) as detail
from requests
where sent > iif(kind = 'inert', 2, 1);

-- I5: what a person forced has their name, their reason and what they saw in the ledger.
drop view violation_state_without_evidence;
create view violation_state_without_evidence as
select payment_id as subject, format('entry %d: %s by %s', sequence, state, kind) as detail
from payment_events
where change ->> 'state' is not null
  and kind not in ('opened', 'accepted', 'found', 'undecided', 'reported', 'command-answered', 'refused', 'not-sent',
                   'given-up', 'operated');

-- What one person asks for and another one must approve; one at a time per payment.
create table proposals (
    proposal_id text not null primary key,  -- our name for it: a UUID
    payment_id  text not null,     -- about which payment: payments.payment_id
    shop        text not null,     -- whose it is
    action      text not null check (json_valid(action)),    -- what is asked for, with its reason and its ticket
    version     integer not null,  -- the version of the payment that it was asked for: at another one it is done no more
    asked_by    text not null check (json_valid(asked_by)),  -- whose key asked: {key, name}
    asked_at    integer not null,  -- when
    not_before  integer not null,  -- it is not done before then
    state       text not null check (state in ('open', 'done', 'declined')),
    decided_by  text check (decided_by is null or json_valid(decided_by)),  -- whose key approved or declined it: {key, name}
    decided_at  integer,           -- when
    constraint proposals_decided check ((state = 'open') = (decided_by is null) and (state = 'open') = (decided_at is null))
) strict;
create unique index proposals_open on proposals (payment_id) where state = 'open';
create index proposals_listed on proposals (asked_at desc, proposal_id desc);

-- What is stopped by hand. Each change is a row; the latest of a name is how it stands. Rows are only added.
create table switches (
    name     text not null check (name in ('new-payments', 'withdrawals', 'polling')),  -- new-payments: nothing new is taken; withdrawals: none is taken or approved; polling: the gateway is not asked
    sequence integer not null check (sequence >= 1),  -- counted from 1 without gaps, per name
    stopped  integer not null check (stopped in (0, 1)),  -- whether it is stopped from then on
    at       integer not null,  -- when
    by       text not null check (json_valid(by)),  -- who did it: {by, via}
    reason   text not null,     -- why, in their own words
    primary key (name, sequence)
) strict, without rowid;

-- What is counted for the metrics: by one process for all of them.
create table samples (
    name         text not null primary key,  -- open: what is open and stuck; all: whatever takes a walk through everything
    taken_at     integer,           -- when it was counted last
    sample       text check (sample is null or json_valid(sample)),  -- what that came to
    leased_until integer not null,  -- until when others leave the next count to whoever began it
    constraint samples_taken check ((taken_at is null) = (sample is null))
) strict, without rowid;
