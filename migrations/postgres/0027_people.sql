-- People sign in at the console without a key, too: by OpenID Connect.

alter table console_sessions
    alter column key_id drop not null,
    add column person_id     uuid,
    add column person_name   text,
    add column person_scopes text[],
    add column person_shops  text[],
    add constraint console_sessions_proof check ((key_id is null) <> (person_id is null)),
    add constraint console_sessions_person check (
        (person_id is null) = (person_name is null)
        and (person_id is null) = (person_scopes is null)
        and (person_id is null) = (person_shops is null)
    );

comment on column console_sessions.key_id is 'The key that was shown: api_keys.key_id. When it is revoked, the session is over. Null for a person without one.';
comment on column console_sessions.person_id is 'The person who signed in by OpenID Connect: made of the issuer and its name for them, so that it is always the same.';
comment on column console_sessions.person_name is 'What they are called in the ledger.';
comment on column console_sessions.person_scopes is 'What they may do until the session ends.';
comment on column console_sessions.person_shops is 'The shops that they may see until then; empty for all.';
comment on column console_sessions.begun_at is 'When they signed in (UTC).';
comment on column console_sessions.expires_at is 'When they must sign in again (UTC).';
