-- Keys are changed over, end, and may be used from some networks only.

alter table api_keys
    add column previous_digest bytea,
    add column previous_until  timestamptz,
    add column expires_at      timestamptz,
    add column used_at         timestamptz,
    add column networks        text[] not null default '{}',
    add constraint api_keys_previous_digest unique (previous_digest),
    add constraint api_keys_previous check ((previous_digest is null) = (previous_until is null));

comment on column api_keys.previous_digest is 'SHA-256 of the key before this one, while its owner changes over.';
comment on column api_keys.previous_until is 'Until when that one is taken too (UTC).';
comment on column api_keys.expires_at is 'From when on it is good for nothing (UTC); none for ever.';
comment on column api_keys.used_at is 'When it was used last (UTC), to a minute or so.';
comment on column api_keys.networks is 'From where it may be used: 10.1.0.0/16 …; empty means from everywhere.';
