-- Keys are changed over, end, and may be used from some networks only.

alter table api_keys add column previous_digest blob;             -- SHA-256 of the key before this one, while its owner changes over
alter table api_keys add column previous_until integer            -- until when that one is taken too
    constraint api_keys_previous check ((previous_digest is null) = (previous_until is null));
alter table api_keys add column expires_at integer;               -- from when on it is good for nothing; none for ever
alter table api_keys add column used_at integer;                  -- when it was used last, to a minute or so
alter table api_keys add column networks text not null default '';  -- words: from where it may be used; empty means from everywhere
create unique index api_keys_previous_digest on api_keys (previous_digest);
