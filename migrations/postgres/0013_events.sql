-- Events out: the feed of all changes of state, and who is told of them.

-- Whoever stamps goes through what waits in this order: the changes of one payment in theirs.
drop index outbox_unstamped;
create index outbox_unstamped on outbox (payment_id, sequence) where position is null;

create table event_feed (
    id            smallint primary key check (id = 1),
    last_position bigint not null check (last_position >= 0)
);
insert into event_feed values (1, 0);
comment on table event_feed is 'How far the feed of events goes: one row. Whoever stamps locks it, so that one stamps after the other.';
comment on column event_feed.id is 'Always 1.';
comment on column event_feed.last_position is 'The place of the last event.';

create view violation_feed_has_gaps as
select 'feed' as subject,
       format('%s events stamped up to %s, the feed ends at %s', count(o.position), coalesce(max(o.position), 0), f.last_position) as detail
from event_feed f left join outbox o on o.position is not null
group by f.last_position
having count(o.position) <> f.last_position or coalesce(max(o.position), 0) <> f.last_position;
comment on view violation_feed_has_gaps is 'I9: the events of the feed are counted from 1 without gaps.';

create table webhook_endpoints (
    endpoint_id    uuid primary key,
    url            text not null,
    description    text not null,
    shops          text[] not null,
    event_types    text[] not null,
    payload        text not null check (payload in ('thin', 'full')),
    secrets        bytea not null,
    state          text not null check (state in ('enabled', 'disabled')),
    reason         text,
    made_by        jsonb,
    made_at        timestamptz not null,
    position       bigint not null check (position >= 0),
    failures       bigint not null check (failures >= 0),
    failing_since  timestamptz,
    last_failure   text,
    delivered_at   timestamptz,
    next_at        timestamptz not null,
    lease_owner    uuid,
    leased_until   timestamptz,
    epoch          bigint not null check (epoch >= 0),
    constraint webhook_endpoints_lease check ((lease_owner is null) = (leased_until is null)),
    constraint webhook_endpoints_failing check ((failing_since is null) = (failures = 0))
) with (fillfactor = 50);

comment on table webhook_endpoints is 'Who is told of events, and how far.';
comment on column webhook_endpoints.endpoint_id is 'Our name for it: a UUID.';
comment on column webhook_endpoints.url is 'Where events are sent.';
comment on column webhook_endpoints.description is 'Its owner''s word for it.';
comment on column webhook_endpoints.shops is 'Only events of these shops; empty for all.';
comment on column webhook_endpoints.event_types is 'Only events of these types; * stands for one word; empty for all.';
comment on column webhook_endpoints.payload is 'thin: what happened; full: the payment beside it, as it then was.';
comment on column webhook_endpoints.secrets is 'What its messages are signed with, encrypted.';
comment on column webhook_endpoints.state is 'enabled, or disabled: it is told of nothing, and nothing is forgotten.';
comment on column webhook_endpoints.reason is 'Why it is disabled.';
comment on column webhook_endpoints.made_by is 'Whose key made it: {key, name}; none on the command line.';
comment on column webhook_endpoints.made_at is 'When it was made (UTC).';
comment on column webhook_endpoints.position is 'It was told of everything up to this place in the feed, or that stands in webhook_deliveries.';
comment on column webhook_endpoints.failures is 'How many messages in a row it did not take.';
comment on column webhook_endpoints.failing_since is 'Since when (UTC).';
comment on column webhook_endpoints.last_failure is 'What it last answered instead of taking one, in our words.';
comment on column webhook_endpoints.delivered_at is 'When it last took one (UTC).';
comment on column webhook_endpoints.next_at is 'It is left alone until then (UTC).';
comment on column webhook_endpoints.lease_owner is 'The process that sends to it.';
comment on column webhook_endpoints.leased_until is 'Until when others leave it alone (UTC).';
comment on column webhook_endpoints.epoch is 'Raised with each lease and each change by a person, so that whoever overslept is noticed.';

create table webhook_deliveries (
    endpoint_id     uuid not null,
    payment_id      uuid not null,
    sequence        bigint not null,
    state           text not null check (state in ('waiting', 'delivered', 'given-up')),
    attempts        bigint not null check (attempts >= 0),
    parked_at       timestamptz not null,
    next_at         timestamptz,
    last_attempt_at timestamptz,
    last_failure    text,
    finished_at     timestamptz,
    primary key (endpoint_id, payment_id, sequence),
    constraint webhook_deliveries_finished check ((finished_at is null) = (state = 'waiting')),
    constraint webhook_deliveries_next check (next_at is null or state = 'waiting')
) with (fillfactor = 70);

create index webhook_deliveries_due on webhook_deliveries (endpoint_id, next_at) where next_at is not null;
create index webhook_deliveries_listed on webhook_deliveries (endpoint_id, parked_at desc, payment_id desc, sequence desc);
create index webhook_deliveries_finished_at on webhook_deliveries (finished_at) where finished_at is not null;

comment on table webhook_deliveries is 'Events that an endpoint did not take at once, and those of the same payment that wait behind them.';
comment on column webhook_deliveries.endpoint_id is 'Which endpoint: webhook_endpoints.endpoint_id.';
comment on column webhook_deliveries.payment_id is 'Which event: outbox.payment_id.';
comment on column webhook_deliveries.sequence is 'Likewise: outbox.sequence.';
comment on column webhook_deliveries.state is 'waiting, delivered, or given-up: it is not sent again by itself.';
comment on column webhook_deliveries.attempts is 'How often it was sent.';
comment on column webhook_deliveries.parked_at is 'When it was first not taken (UTC).';
comment on column webhook_deliveries.next_at is 'When it is sent again (UTC); none while an earlier event of its payment waits.';
comment on column webhook_deliveries.last_attempt_at is 'When it was last sent (UTC).';
comment on column webhook_deliveries.last_failure is 'What came of that, in our words.';
comment on column webhook_deliveries.finished_at is 'When it was taken or given up (UTC).';

create view due_work as
select 'payment' as kind, payment_id::text as subject, greatest(next_check_at, leased_until) as due_at
from payment_checks where next_check_at is not null
union all
select 'notice', notice_id::text, leased_until from webhook_notices where verdict is null
union all
select 'event', format('%s/%s', payment_id, sequence), occurred_at from outbox where position is null
union all
select 'reconciliation', run_id::text, greatest(next_at, leased_until) from reconciliations where finished_at is null
union all
select 'export', export_id::text, greatest(next_at, leased_until) from exports where finished_at is null
union all
select 'delivery', format('%s/%s', d.endpoint_id, d.payment_id), greatest(d.next_at, e.next_at, e.leased_until)
from webhook_deliveries d join webhook_endpoints e using (endpoint_id)
where d.next_at is not null and e.state = 'enabled';
comment on view due_work is 'I7: what somebody is to do, and since when it could have been begun. Sweeps are not among it: settings switch them off.';

create view violation_delivery_without_next as
select endpoint_id::text as subject, format('payment %s, %s waiting', payment_id, count(*)) as detail
from webhook_deliveries
where state = 'waiting'
group by endpoint_id, payment_id
having count(next_at) = 0;
comment on view violation_delivery_without_next is 'I7: of the events of a payment that wait for an endpoint, one is sent next.';
