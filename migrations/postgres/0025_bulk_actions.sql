-- What people have done to all that is stuck for a reason, or in a shop: one thing at a time, by the service; and what is stuck in a shop
-- is found by it.

create table bulk_actions (
    bulk_action_id uuid primary key,
    action         jsonb not null,
    reasons        text[] not null check (cardinality(reasons) >= 1),
    shops          text[] not null,
    items_max      bigint not null check (items_max >= 1),
    reason         text not null,
    ticket         text,
    ordered_by     jsonb not null,
    via            text not null,
    ordered_at     timestamptz not null,
    state          text not null check (state in ('waiting', 'running', 'completed', 'stopped', 'failed')),
    expected       bigint not null check (expected >= 0),
    done           bigint not null check (done >= 0),
    failed         bigint not null check (failed >= 0),
    troubles       jsonb not null,
    place_at       timestamptz,
    place_id       uuid,
    stopped_by     jsonb,
    begun_at       timestamptz,
    finished_at    timestamptz,
    next_at        timestamptz not null,
    lease_owner    uuid,
    leased_until   timestamptz,
    epoch          bigint not null check (epoch >= 0),
    constraint bulk_actions_place check ((place_at is null) = (place_id is null)),
    constraint bulk_actions_lease check ((lease_owner is null) = (leased_until is null)),
    constraint bulk_actions_finished check ((finished_at is null) = (state in ('waiting', 'running')))
) with (fillfactor = 50);
create index bulk_actions_next on bulk_actions (ordered_at, bulk_action_id) where finished_at is null;
create index bulk_actions_listed on bulk_actions (ordered_at desc, bulk_action_id desc);

comment on table bulk_actions is 'What is done to everything that is stuck and fits a filter, on order.';
comment on column bulk_actions.bulk_action_id is 'Our name for it: a UUID. It stands in the ledger of each payment that something was done to.';
comment on column bulk_actions.action is 'What is done to each: {action, …}.';
comment on column bulk_actions.reasons is 'To what is stuck for one of these reasons.';
comment on column bulk_actions.shops is 'And belongs to one of these shops; empty for all.';
comment on column bulk_actions.items_max is 'To no more than this many, whatever was first to need a person first.';
comment on column bulk_actions.reason is 'Why, in their own words.';
comment on column bulk_actions.ticket is 'Where it is written up.';
comment on column bulk_actions.ordered_by is 'Whose key ordered it: {key, name}.';
comment on column bulk_actions.via is 'From where: api, console, command-line.';
comment on column bulk_actions.ordered_at is 'When (UTC): what needs a person only since then is left alone. They are carried out in this order.';
comment on column bulk_actions.state is 'waiting, running, completed, stopped: somebody stopped it, or failed: it makes no sense.';
comment on column bulk_actions.expected is 'How many there were when it was ordered, as far as it goes.';
comment on column bulk_actions.done is 'To how many it was done.';
comment on column bulk_actions.failed is 'With how many it could not be done.';
comment on column bulk_actions.troubles is 'Why not, of the first of these: [{of, why}].';
comment on column bulk_actions.place_at is 'Everything up to this place in the list was gone through: since when a person is to know of it (UTC).';
comment on column bulk_actions.place_id is 'And its id.';
comment on column bulk_actions.stopped_by is 'Whose key stopped it: {key, name}.';
comment on column bulk_actions.begun_at is 'When it was first taken up (UTC).';
comment on column bulk_actions.finished_at is 'When it came to its end (UTC).';
comment on column bulk_actions.next_at is 'When somebody goes on with it (UTC).';
comment on column bulk_actions.lease_owner is 'The process that is on it.';
comment on column bulk_actions.leased_until is 'Until when others leave it alone (UTC).';
comment on column bulk_actions.epoch is 'Raised with each lease, so that whoever overslept is noticed.';

-- Whoever sees one shop of many does not pass over what is stuck in the others.
create index payment_checks_stuck_by_shop on payment_checks (shop, stuck_reason, stuck_at, payment_id)
    where stuck_reason is not null;
