-- The callers' keys, without the keys.
create table api_keys (
    key_id     text not null primary key,
    name       text not null,     -- what its owner calls it
    digest     blob not null,     -- SHA-256 of the key
    scopes     text not null,     -- words: what it may do
    shops      text not null,     -- words: the shops that it may see; empty means all
    created_at integer not null,  -- when it was made
    revoked_at integer,           -- since when it is good for nothing
    constraint api_keys_digest unique (digest)
) strict;
