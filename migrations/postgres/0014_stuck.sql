-- What needs a person: which payments are stuck, what people decided about them, what two people must decide, and switches.

-- What is open already is listed from its next look on, which is at most a day away; what is flagged, at once.
alter table payment_checks add column shop text;
alter table payment_checks add column failures bigint not null default 0 check (failures >= 0);
alter table payment_checks add column stuck_reason text;
alter table payment_checks add column stuck_since timestamptz;
alter table payment_checks add column stuck_at timestamptz;
comment on column payment_checks.shop is 'Whose it is: payments.shop; none for what nobody has looked at since it was recorded here.';
comment on column payment_checks.failures is 'Looks in a row that could not be made.';
comment on column payment_checks.stuck_reason is 'Why it is stuck, or will be if nothing happens to it; none if it never will be.';
comment on column payment_checks.stuck_since is 'Since when that is so (UTC): what its age is counted from.';
comment on column payment_checks.stuck_at is 'From when on a person is to know (UTC).';

alter table payments add column care jsonb;
comment on column payments.care is 'What people have decided about it: {assignee, snoozedUntil, settled}; none if nothing.';

update payment_checks c
set shop = p.shop, stuck_since = p.updated_at, stuck_at = p.updated_at,
    stuck_reason = case when p.flags && array['surplus', 'paid-elsewhere'] then 'surplus'
                        when p.flags @> array['not-found-at-gateway'] then 'not-found-at-gateway'
                        else 'contradiction' end
from payments p
where p.payment_id = c.payment_id
  and p.flags && array['surplus', 'paid-elsewhere', 'not-found-at-gateway', 'contradiction', 'amount-contradicts',
                       'type-differs', 'undecided-candidates', 'id-claimed-elsewhere', 'over-refunded'];

-- The shop stands in it so that a key that sees one shop passes over the others' without looking them up.
create index payment_checks_stuck on payment_checks (stuck_reason, stuck_at, payment_id, shop)
    where stuck_reason is not null;
create index payments_snoozed on payments (payment_id) where care ->> 'snoozedUntil' is not null;

-- I1: a request that two people let go is not counted; it is in the ledger that they did.
create or replace view violation_more_requests_than_allowed as
select payment_id::text as subject, format('%s, %s requests that may have left', kind, sent) as detail
from payments
cross join lateral (
    select count(*) as sent from jsonb_array_elements(attempts) a where a ->> 'outcome' not in ('not-sent', 'released')
) requests
where sent > case kind when 'inert' then 2 else 1 end;

-- I5: what a person forced has their name, their reason and what they saw in the ledger.
create or replace view violation_state_without_evidence as
select payment_id::text as subject, format('entry %s: %s by %s', sequence, state, kind) as detail
from payment_events
where change ? 'state'
  and kind not in ('opened', 'accepted', 'found', 'undecided', 'reported', 'command-answered', 'refused', 'not-sent',
                   'given-up', 'operated');

-- What one person asks for and another one must approve.
create table proposals (
    proposal_id uuid primary key,
    payment_id  uuid not null,
    shop        text not null,
    action      jsonb not null,
    version     bigint not null,
    asked_by    jsonb not null,
    asked_at    timestamptz not null,
    not_before  timestamptz not null,
    state       text not null check (state in ('open', 'done', 'declined')),
    decided_by  jsonb,
    decided_at  timestamptz,
    constraint proposals_decided check ((state = 'open') = (decided_by is null) and (state = 'open') = (decided_at is null))
);
create unique index proposals_open on proposals (payment_id) where state = 'open';
create index proposals_listed on proposals (asked_at desc, proposal_id desc);
comment on table proposals is 'What one person asks for and another one must approve; one at a time per payment.';
comment on column proposals.proposal_id is 'Our name for it: a UUID.';
comment on column proposals.payment_id is 'About which payment: payments.payment_id.';
comment on column proposals.shop is 'Whose it is.';
comment on column proposals.action is 'What is asked for, with its reason and its ticket.';
comment on column proposals.version is 'The version of the payment that it was asked for: at another one it is done no more.';
comment on column proposals.asked_by is 'Whose key asked: {key, name}.';
comment on column proposals.asked_at is 'When (UTC).';
comment on column proposals.not_before is 'It is not done before then (UTC).';
comment on column proposals.state is 'open, done or declined.';
comment on column proposals.decided_by is 'Whose key approved or declined it: {key, name}.';
comment on column proposals.decided_at is 'When (UTC).';

-- What is stopped by hand. Each change is a row; the latest of a name is how it stands.
create table switches (
    name       text not null check (name in ('new-payments', 'withdrawals', 'polling')),
    sequence   bigint not null check (sequence >= 1),
    stopped    boolean not null,
    at         timestamptz not null,
    by         jsonb not null,
    reason     text not null,
    primary key (name, sequence)
);
comment on table switches is 'What is stopped by hand. Each change is a row; the latest of a name is how it stands. Rows are only added.';
comment on column switches.name is 'new-payments: nothing new is taken; withdrawals: none is taken or approved; polling: the gateway is not asked.';
comment on column switches.sequence is 'Counted from 1 without gaps, per name.';
comment on column switches.stopped is 'Whether it is stopped from then on.';
comment on column switches.at is 'When (UTC).';
comment on column switches.by is 'Who did it: {by, via}.';
comment on column switches.reason is 'Why, in their own words.';

-- What is counted for the metrics: by one process for all of them.
create table samples (
    name         text primary key,
    taken_at     timestamptz,
    sample       jsonb,
    leased_until timestamptz not null,
    constraint samples_taken check ((taken_at is null) = (sample is null))
);
comment on table samples is 'What is counted for the metrics: by one process for all of them.';
comment on column samples.name is 'open: what is open and stuck; all: whatever takes a walk through everything.';
comment on column samples.taken_at is 'When it was counted last (UTC).';
comment on column samples.sample is 'What that came to.';
comment on column samples.leased_until is 'Until when others leave the next count to whoever began it (UTC).';
