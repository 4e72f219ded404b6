-- People sign in at the console without a key, too: by OpenID Connect.

-- People who are signed in at the console, without what their browsers hold.
create table sessions_with_people (
    digest        blob not null primary key,  -- SHA-256 of the token in the browser's cookie
    key_id        text,              -- the key that was shown: api_keys.key_id; when it is revoked, the session is over
    person_id     text,              -- or the person who signed in by OpenID Connect: made of the issuer and its name for them
    person_name   text,              -- what they are called in the ledger
    person_scopes text,              -- words: what they may do until the session ends
    person_shops  text,              -- words: the shops that they may see until then; empty for all
    begun_at      integer not null,  -- when they signed in
    expires_at    integer not null,  -- when they must sign in again
    constraint console_sessions_proof check ((key_id is null) <> (person_id is null)),
    constraint console_sessions_person check (
        (person_id is null) = (person_name is null)
        and (person_id is null) = (person_scopes is null)
        and (person_id is null) = (person_shops is null)
    )
) strict;
insert into sessions_with_people (digest, key_id, begun_at, expires_at)
select digest, key_id, begun_at, expires_at from console_sessions;
drop table console_sessions;
alter table sessions_with_people rename to console_sessions;
create index console_sessions_expired on console_sessions (expires_at);
