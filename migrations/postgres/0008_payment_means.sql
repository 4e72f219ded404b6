-- What payments were paid with.

create table payment_means (
    payment_id uuid primary key,
    body       bytea not null,
    kept_at    timestamptz not null
);

comment on table payment_means is 'What the gateway told of what payments were paid with: tokens with which somebody could be charged again, and what a customer recognises a card or an account by. Encrypted as a whole.';
comment on column payment_means.payment_id is 'Whose: payments.payment_id.';
comment on column payment_means.body is 'All of it, encrypted; the first sixteen bytes belong to the nonce.';
comment on column payment_means.kept_at is 'When it was last told anew (UTC).';
