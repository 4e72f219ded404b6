-- Changes of state that others are told of: one row per change, written with the change itself.
create table outbox (
    payment_id  text not null,     -- whose: payments.payment_id
    sequence    integer not null check (sequence >= 1),  -- counted from 1 without gaps over the changes of this payment's state
    version     integer not null check (version >= 1),   -- the ledger entry that made the change: payment_events.sequence
    state       text not null,     -- the state that the payment then had
    occurred_at integer not null,  -- when it was seen
    position    integer,           -- its place among the changes of all payments, stamped after the commit; none until then
    primary key (payment_id, sequence)
) strict, without rowid;

create index outbox_unstamped on outbox (occurred_at, payment_id, sequence) where position is null;
create unique index outbox_stamped on outbox (position) where position is not null;
