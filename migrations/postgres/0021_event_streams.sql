-- Events are published to a stream of a messaging system, if the settings name one.

create table event_streams (
    name           text primary key,
    position       bigint not null check (position >= 0),
    lease_owner    uuid,
    leased_until   timestamptz,
    epoch          bigint not null check (epoch >= 0),
    constraint event_streams_lease check ((lease_owner is null) = (leased_until is null))
) with (fillfactor = 50);

comment on table event_streams is 'Streams that events are published to, and how far.';
comment on column event_streams.name is 'The name of the stream, as the settings have it.';
comment on column event_streams.position is 'Everything up to this place in the feed was published and acknowledged.';
comment on column event_streams.lease_owner is 'The process that publishes.';
comment on column event_streams.leased_until is 'Until when others leave it alone (UTC).';
comment on column event_streams.epoch is 'Raised with each lease, so that whoever overslept is noticed.';
