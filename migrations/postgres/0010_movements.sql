-- The books: which money moved, and when it was posted.

alter table payments add column fee jsonb;
comment on column payments.fee is 'What the provider keeps for it: {amount, currency}; none if the gateway did not tell.';

create table movements (
    payment_id         uuid not null,
    sequence           bigint not null check (sequence >= 1),
    number             integer not null check (number >= 1),
    kind               text not null check (kind in ('deposit', 'withdrawal', 'refund', 'chargeback', 'fee')),
    relation           text,
    gateway_payment_id text not null,
    amount             numeric(28, 18) not null check (amount <> 0 and amount <> 'NaN'),
    currency           text not null,
    position           bigint,
    posted_at          timestamptz,
    restates_sequence  bigint,
    restates_number    integer,
    primary key (payment_id, sequence, number),
    constraint movements_posted check ((position is null) = (posted_at is null)),
    constraint movements_restates check ((restates_sequence is null) = (restates_number is null))
) with (fillfactor = 80);

create index movements_unposted on movements (payment_id) where position is null;
create unique index movements_posted_in_order on movements (position) where position is not null;
create index movements_posted_at on movements (posted_at) where posted_at is not null;

comment on table movements is
    'One row per line of the books: money that moved, or the difference when it turned out to have moved otherwise. Written with the ledger entry that tells it; never changed but by being posted.';
comment on column movements.payment_id is 'Under which payment: payments.payment_id.';
comment on column movements.sequence is 'The ledger entry that booked it: payment_events.sequence.';
comment on column movements.number is 'Counted from 1 among the lines of that entry.';
comment on column movements.kind is 'What kind of money: deposit, withdrawal, refund, chargeback or fee.';
comment on column movements.relation is 'What the gateway payment that moved it is to the payment: surplus or foreign; none for the payment''s own.';
comment on column movements.gateway_payment_id is 'The gateway payment that moved it.';
comment on column movements.amount is 'How much, in major units of currency: above zero for what the merchant gets, below for what it gives.';
comment on column movements.currency is 'The currency of amount.';
comment on column movements.position is 'Its place in the books, counted from 1 without gaps. Given after the commit, because commits do not finish in the order in which they begin. None until then.';
comment on column movements.posted_at is 'When it got its place (UTC). Never before that of an earlier place, so that a day that is over gets no more lines.';
comment on column movements.restates_sequence is 'The entry that booked the line that this one corrects: the first of the same gateway payment and kind.';
comment on column movements.restates_number is 'That line''s number.';

create table books (
    id             integer primary key check (id = 1),
    last_position  bigint not null check (last_position >= 0),
    last_posted_at timestamptz not null
);
insert into books values (1, 0, '1970-01-01T00:00:00Z');
comment on table books is 'How far the books go: one row. Whoever posts locks it, so that one posts after the other.';
comment on column books.id is 'Always 1.';
comment on column books.last_position is 'The place of the last line that was posted.';
comment on column books.last_posted_at is 'When it was posted (UTC).';

create view violation_books_have_gaps as
select 'books' as subject,
       format('%s lines posted up to %s, the books end at %s', count(m.position), max(m.position), b.last_position) as detail
from books b left join movements m on m.position is not null
group by b.last_position
having count(m.position) <> b.last_position or coalesce(max(m.position), 0) <> b.last_position;
comment on view violation_books_have_gaps is 'I11: the lines of the books are counted from 1 without gaps.';

create view violation_line_without_entry as
select m.payment_id::text as subject, format('line %s of entry %s', m.number, m.sequence) as detail
from movements m
where not exists (select from payment_events e where e.payment_id = m.payment_id and e.sequence = m.sequence);
comment on view violation_line_without_entry is 'I9: every line of the books is told by a ledger entry.';

-- What a payment's own money comes to by its lines, against what its row says.
create view violation_books_are_not_the_payments as
select p.payment_id::text as subject,
       format('%s %s settled, %s booked', p.settled_amount, p.settled_currency, coalesce(m.booked, 0)) as detail
from payments p
left join lateral (
    select sum(amount) as booked
    from movements
    where payment_id = p.payment_id and gateway_payment_id = p.gateway_payment_id and kind <> 'fee'
      and currency = p.settled_currency
) m on true
where p.state = 'COMPLETED' and p.settled_amount is not null
  and coalesce(m.booked, 0) <> p.settled_amount * case p.payment_type when 'DEPOSIT' then 1 else -1 end;
comment on view violation_books_are_not_the_payments is 'I11: what a completed payment settled is what its lines add up to.';
