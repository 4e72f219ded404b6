-- Events out: the feed of all changes of state, and who is told of them.

-- Whoever stamps goes through what waits in this order: the changes of one payment in theirs.
drop index outbox_unstamped;
create index outbox_unstamped on outbox (payment_id, sequence) where position is null;

-- How far the feed of events goes: one row.
create table event_feed (
    id            integer not null primary key check (id = 1),
    last_position integer not null check (last_position >= 0)  -- the place of the last event
) strict;
insert into event_feed values (1, 0);

-- I9: the events of the feed are counted from 1 without gaps.
create view violation_feed_has_gaps as
select 'feed' as subject,
       format('%d events stamped up to %d, the feed ends at %d', count(o.position), coalesce(max(o.position), 0), f.last_position) as detail
from event_feed f left join outbox o on o.position is not null
group by f.last_position
having count(o.position) <> f.last_position or coalesce(max(o.position), 0) <> f.last_position;

-- Who is told of events, and how far.
create table webhook_endpoints (
    endpoint_id    text not null primary key,  -- our name for it: a UUID
    url            text not null,     -- where events are sent
    description    text not null,     -- its owner's word for it
    shops          text not null check (json_valid(shops)),        -- only events of these shops: an array; empty for all
    event_types    text not null check (json_valid(event_types)),  -- only events of these types: an array; * stands for one word; empty for all
    payload        text not null check (payload in ('thin', 'full')),  -- thin: what happened; full: the payment beside it, as it then was
    secrets        blob not null,     -- what its messages are signed with, encrypted
    state          text not null check (state in ('enabled', 'disabled')),  -- disabled: it is told of nothing, and nothing is forgotten
    reason         text,              -- why it is disabled
    made_by        text check (made_by is null or json_valid(made_by)),  -- whose key made it: {key, name}; none on the command line
    made_at        integer not null,  -- when it was made
    position       integer not null check (position >= 0),  -- it was told of everything up to this place in the feed, or that stands in webhook_deliveries
    failures       integer not null check (failures >= 0),  -- how many messages in a row it did not take
    failing_since  integer,           -- since when
    last_failure   text,              -- what it last answered instead of taking one, in our words
    delivered_at   integer,           -- when it last took one
    next_at        integer not null,  -- it is left alone until then
    lease_owner    text,              -- the process that sends to it
    leased_until   integer,           -- until when others leave it alone
    epoch          integer not null check (epoch >= 0),  -- raised with each lease and each change by a person, so that whoever overslept is noticed
    constraint webhook_endpoints_lease check ((lease_owner is null) = (leased_until is null)),
    constraint webhook_endpoints_failing check ((failing_since is null) = (failures = 0))
) strict;

-- Events that an endpoint did not take at once, and those of the same payment that wait behind them.
create table webhook_deliveries (
    endpoint_id     text not null,     -- which endpoint: webhook_endpoints.endpoint_id
    payment_id      text not null,     -- which event: outbox.payment_id
    sequence        integer not null,  -- likewise: outbox.sequence
    state           text not null check (state in ('waiting', 'delivered', 'given-up')),  -- given-up: it is not sent again by itself
    attempts        integer not null check (attempts >= 0),  -- how often it was sent
    parked_at       integer not null,  -- when it was first not taken
    next_at         integer,           -- when it is sent again; none while an earlier event of its payment waits
    last_attempt_at integer,           -- when it was last sent
    last_failure    text,              -- what came of that, in our words
    finished_at     integer,           -- when it was taken or given up
    primary key (endpoint_id, payment_id, sequence),
    constraint webhook_deliveries_finished check ((finished_at is null) = (state = 'waiting')),
    constraint webhook_deliveries_next check (next_at is null or state = 'waiting')
) strict, without rowid;

create index webhook_deliveries_due on webhook_deliveries (endpoint_id, next_at) where next_at is not null;
create index webhook_deliveries_listed on webhook_deliveries (endpoint_id, parked_at desc, payment_id desc, sequence desc);
create index webhook_deliveries_finished_at on webhook_deliveries (finished_at) where finished_at is not null;

-- I7: what somebody is to do, and since when it could have been begun: the end of its lease if it has one. Sweeps are not among it:
-- settings switch them off.
create view due_work as
select 'payment' as kind, payment_id as subject, max(next_check_at, coalesce(leased_until, 0)) as due_at
from payment_checks where next_check_at is not null
union all
select 'notice', notice_id, leased_until from webhook_notices where verdict is null
union all
select 'event', payment_id || '/' || sequence, occurred_at from outbox where position is null
union all
select 'reconciliation', run_id, max(next_at, coalesce(leased_until, 0)) from reconciliations where finished_at is null
union all
select 'export', export_id, max(next_at, coalesce(leased_until, 0)) from exports where finished_at is null
union all
select 'delivery', d.endpoint_id || '/' || d.payment_id, max(d.next_at, e.next_at, coalesce(e.leased_until, 0))
from webhook_deliveries d join webhook_endpoints e using (endpoint_id)
where d.next_at is not null and e.state = 'enabled';

-- I7: of the events of a payment that wait for an endpoint, one is sent next.
create view violation_delivery_without_next as
select endpoint_id as subject, format('payment %s, %d waiting', payment_id, count(*)) as detail
from webhook_deliveries
where state = 'waiting'
group by endpoint_id, payment_id
having count(next_at) = 0;
