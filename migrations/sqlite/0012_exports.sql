-- Files for finance, on order. The row stays when the file is no longer kept.
create table exports (
    export_id     text not null primary key,  -- our name for it: a UUID
    report        text not null,     -- what it tells: transactions, breaks, daily-summary
    format        text not null,     -- how it is written: csv, csv-bom, xlsx, parquet, ndjson
    shops         text not null check (json_valid(shops)),  -- the shops that it is about: an array
    window_from   integer not null,  -- what was posted, or seen, then or later is in it
    window_to     integer not null,  -- what was posted, or seen, then or later is not
    zone          text not null,     -- the zone of its business days, by its IANA name
    ordered_by    text check (ordered_by is null or json_valid(ordered_by)),  -- whose key ordered it: {key, name}; none on the command line
    ordered_at    integer not null,  -- when it was ordered; they are written in this order
    state         text not null check (state in ('waiting', 'running', 'completed', 'failed', 'expired')),  -- expired: completed, and the file no longer kept
    failure       text,              -- why it failed, or what it last met while it runs
    failures      integer not null check (failures >= 0),        -- how often in a row it came to no end
    rows_done     integer not null check (rows_done >= 0),       -- rows that were gone through
    rows_expected integer check (rows_expected >= 0),            -- rows that there are to go through
    snapshot      text check (snapshot is null or json_valid(snapshot)),  -- what it looks at, fixed when it was first taken up: {after, through, open}
    manifest      text check (manifest is null or json_valid(manifest)),  -- what was written: filter, totals, length and SHA-256, as it is given out
    begun_at      integer,           -- when it was first taken up
    finished_at   integer,           -- when it came to its end
    next_at       integer not null,  -- when somebody goes on with it
    lease_owner   text,              -- the process that is on it
    leased_until  integer,           -- until when others leave it alone
    epoch         integer not null check (epoch >= 0),  -- raised with each lease, so that whoever overslept is noticed
    constraint exports_window check (window_from < window_to),
    constraint exports_lease check ((lease_owner is null) = (leased_until is null)),
    constraint exports_finished check ((finished_at is null) = (state in ('waiting', 'running'))),
    constraint exports_manifest check ((manifest is not null) = (state in ('completed', 'expired')))
) strict;

create index exports_next on exports (ordered_at, export_id) where finished_at is null;
create index exports_listed on exports (ordered_at desc, export_id desc);
create index exports_kept on exports (finished_at) where state = 'completed';

-- Who took which file, and when: never changed.
create table export_downloads (
    export_id text not null,     -- which export: exports.export_id
    at        integer not null,  -- when
    taken_by  text not null check (json_valid(taken_by))  -- whose key took it: {key, name}
) strict;
create index export_downloads_of on export_downloads (export_id, at desc);
