-- Events are published to a stream of a messaging system, if the settings name one.

-- Streams that events are published to, and how far.
create table event_streams (
    name           text not null primary key,  -- the name of the stream, as the settings have it
    position       integer not null check (position >= 0),  -- everything up to this place in the feed was published and acknowledged
    lease_owner    text,              -- the process that publishes
    leased_until   integer,           -- until when others leave it alone
    epoch          integer not null check (epoch >= 0),  -- raised with each lease, so that whoever overslept is noticed
    constraint event_streams_lease check ((lease_owner is null) = (leased_until is null))
) strict;
