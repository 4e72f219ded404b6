-- Files for finance: what was ordered, how far it is, what was written, and who took it.

create table exports (
    export_id     uuid primary key,
    report        text not null,
    format        text not null,
    shops         text[] not null check (cardinality(shops) >= 1),
    window_from   timestamptz not null,
    window_to     timestamptz not null,
    zone          text not null,
    ordered_by    jsonb,
    ordered_at    timestamptz not null,
    state         text not null check (state in ('waiting', 'running', 'completed', 'failed', 'expired')),
    failure       text,
    failures      bigint not null check (failures >= 0),
    rows_done     bigint not null check (rows_done >= 0),
    rows_expected bigint check (rows_expected >= 0),
    snapshot      jsonb,
    manifest      json,
    begun_at      timestamptz,
    finished_at   timestamptz,
    next_at       timestamptz not null,
    lease_owner   uuid,
    leased_until  timestamptz,
    epoch         bigint not null check (epoch >= 0),
    constraint exports_window check (window_from < window_to),
    constraint exports_lease check ((lease_owner is null) = (leased_until is null)),
    constraint exports_finished check ((finished_at is null) = (state in ('waiting', 'running'))),
    constraint exports_manifest check ((manifest is not null) = (state in ('completed', 'expired')))
) with (fillfactor = 50);

create index exports_next on exports (ordered_at, export_id) where finished_at is null;
create index exports_listed on exports (ordered_at desc, export_id desc);
create index exports_kept on exports (finished_at) where state = 'completed';

comment on table exports is 'Files for finance, on order. The row stays when the file is no longer kept.';
comment on column exports.export_id is 'Our name for it: a UUID.';
comment on column exports.report is 'What it tells: transactions, breaks, daily-summary.';
comment on column exports.format is 'How it is written: csv, csv-bom, xlsx, parquet, ndjson.';
comment on column exports.shops is 'The shops that it is about.';
comment on column exports.window_from is 'What was posted, or seen, then or later is in it (UTC).';
comment on column exports.window_to is 'What was posted, or seen, then or later is not (UTC).';
comment on column exports.zone is 'The zone of its business days, by its IANA name.';
comment on column exports.ordered_by is 'Whose key ordered it: {key, name}; none on the command line.';
comment on column exports.ordered_at is 'When it was ordered (UTC); they are written in this order.';
comment on column exports.state is 'waiting, running, completed, failed, or expired: completed, and the file no longer kept.';
comment on column exports.failure is 'Why it failed, or what it last met while it runs.';
comment on column exports.failures is 'How often in a row it came to no end.';
comment on column exports.rows_done is 'Rows that were gone through.';
comment on column exports.rows_expected is 'Rows that there are to go through.';
comment on column exports.snapshot is 'What it looks at, fixed when it was first taken up: {after, through, open}.';
comment on column exports.manifest is 'What was written: filter, totals, length and SHA-256, as it is given out: its text is kept as it is.';
comment on column exports.begun_at is 'When it was first taken up (UTC).';
comment on column exports.finished_at is 'When it came to its end (UTC).';
comment on column exports.next_at is 'When somebody goes on with it (UTC).';
comment on column exports.lease_owner is 'The process that is on it.';
comment on column exports.leased_until is 'Until when others leave it alone (UTC).';
comment on column exports.epoch is 'Raised with each lease, so that whoever overslept is noticed.';

create table export_downloads (
    export_id uuid not null,
    at        timestamptz not null,
    taken_by  jsonb not null
);
create index export_downloads_of on export_downloads (export_id, at desc);

comment on table export_downloads is 'Who took which file, and when: never changed.';
comment on column export_downloads.export_id is 'Which export: exports.export_id.';
comment on column export_downloads.at is 'When (UTC).';
comment on column export_downloads.taken_by is 'Whose key took it: {key, name}.';
