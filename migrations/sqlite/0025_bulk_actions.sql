-- What people have done to all that is stuck for a reason, or in a shop: one thing at a time, by the service; and what is stuck in a shop
-- is found by it.

-- What is done to everything that is stuck and fits a filter, on order.
create table bulk_actions (
    bulk_action_id text not null primary key,  -- our name for it: a UUID; it stands in the ledger of each payment that something was done to
    action         text not null check (json_valid(action)),    -- what is done to each: {action, …}
    reasons        text not null check (json_valid(reasons)),   -- to what is stuck for one of these reasons: an array
    shops          text not null check (json_valid(shops)),     -- and belongs to one of these shops: an array, empty for all
    items_max      integer not null check (items_max >= 1),     -- to no more than this many, whatever was first to need a person first
    reason         text not null,     -- why, in their own words
    ticket         text,              -- where it is written up
    ordered_by     text not null check (json_valid(ordered_by)),  -- whose key ordered it: {key, name}
    via            text not null,     -- from where: api, console, command-line
    ordered_at     integer not null,  -- when: what needs a person only since then is left alone; they are carried out in this order
    state          text not null check (state in ('waiting', 'running', 'completed', 'stopped', 'failed')),  -- stopped: somebody stopped it; failed: it makes no sense
    expected       integer not null check (expected >= 0),  -- how many there were when it was ordered, as far as it goes
    done           integer not null check (done >= 0),      -- to how many it was done
    failed         integer not null check (failed >= 0),    -- with how many it could not be done
    troubles       text not null check (json_valid(troubles)),  -- why not, of the first of these: [{of, why}]
    place_at       integer,           -- everything up to this place in the list was gone through: since when a person is to know of it
    place_id       text,              -- and its id
    stopped_by     text check (stopped_by is null or json_valid(stopped_by)),  -- whose key stopped it: {key, name}
    begun_at       integer,           -- when it was first taken up
    finished_at    integer,           -- when it came to its end
    next_at        integer not null,  -- when somebody goes on with it
    lease_owner    text,              -- the process that is on it
    leased_until   integer,           -- until when others leave it alone
    epoch          integer not null check (epoch >= 0),  -- raised with each lease, so that whoever overslept is noticed
    constraint bulk_actions_place check ((place_at is null) = (place_id is null)),
    constraint bulk_actions_lease check ((lease_owner is null) = (leased_until is null)),
    constraint bulk_actions_finished check ((finished_at is null) = (state in ('waiting', 'running')))
) strict;
create index bulk_actions_next on bulk_actions (ordered_at, bulk_action_id) where finished_at is null;
create index bulk_actions_listed on bulk_actions (ordered_at desc, bulk_action_id desc);

-- Whoever sees one shop of many does not pass over what is stuck in the others.
create index payment_checks_stuck_by_shop on payment_checks (shop, stuck_reason, stuck_at, payment_id)
    where stuck_reason is not null;
