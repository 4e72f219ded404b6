-- Changes of state that others are told of.

create table outbox (
    payment_id  uuid not null,
    sequence    bigint not null check (sequence >= 1),
    version     bigint not null check (version >= 1),
    state       text not null,
    occurred_at timestamptz not null,
    position    bigint,
    primary key (payment_id, sequence)
);

create index outbox_unstamped on outbox (occurred_at) where position is null;
create unique index outbox_stamped on outbox (position) where position is not null;

comment on table outbox is 'One row per change of a payment''s state, written with the change itself.';
comment on column outbox.payment_id is 'Whose: payments.payment_id.';
comment on column outbox.sequence is 'Counted from 1 without gaps over the changes of this payment''s state.';
comment on column outbox.version is 'The ledger entry that made the change: payment_events.sequence.';
comment on column outbox.state is 'The state that the payment then had.';
comment on column outbox.occurred_at is 'When it was seen (UTC).';
comment on column outbox.position is 'Its place among the changes of all payments, stamped after the commit, because commits do not finish in the order in which they begin. None until then.';
