-- Who may call.

create table api_keys (
    key_id     uuid primary key,
    name       text not null,
    digest     bytea not null constraint api_keys_digest unique,
    scopes     text[] not null,
    shops      text[] not null,
    created_at timestamptz not null,
    revoked_at timestamptz
);

comment on table api_keys is 'The callers'' keys, without the keys.';
comment on column api_keys.key_id is 'Our name for it.';
comment on column api_keys.name is 'What its owner calls it.';
comment on column api_keys.digest is 'SHA-256 of the key.';
comment on column api_keys.scopes is 'What it may do: payments:read, deposits:write …';
comment on column api_keys.shops is 'The shops that it may see; empty means all.';
comment on column api_keys.created_at is 'When it was made (UTC).';
comment on column api_keys.revoked_at is 'Since when it is good for nothing (UTC).';
