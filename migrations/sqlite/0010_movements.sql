-- The books: which money moved, and when it was posted.

-- What the provider keeps for it: {amount, currency}; none if the gateway did not tell.
alter table payments add column fee text check (fee is null or json_valid(fee));

-- One row per line of the books: money that moved, or the difference when it turned out to have moved otherwise. Written
-- with the ledger entry that tells it; never changed but by being posted.
create table movements (
    payment_id         text not null,     -- under which payment: payments.payment_id
    sequence           integer not null check (sequence >= 1), -- the ledger entry that booked it: payment_events.sequence
    number             integer not null check (number >= 1),   -- counted from 1 among the lines of that entry
    kind               text not null check (kind in ('deposit', 'withdrawal', 'refund', 'chargeback', 'fee')),
    relation           text,              -- what the gateway payment is to the payment: surplus or foreign; none for its own
    gateway_payment_id text not null,     -- the gateway payment that moved it
    -- How much, in major units of currency: above zero for what the merchant gets, below for what it gives. In three
    -- parts of one sign: whole units, 1e-9, 1e-18.
    amount_whole       integer not null,
    amount_nano        integer not null check (abs(amount_nano) < 1000000000),
    amount_atto        integer not null check (abs(amount_atto) < 1000000000),
    currency           text not null,
    position           integer,           -- its place in the books, counted from 1 without gaps; none until it is posted
    posted_at          integer,           -- when it got its place; never before that of an earlier place
    restates_sequence  integer,           -- the entry that booked the line that this one corrects
    restates_number    integer,           -- that line's number
    primary key (payment_id, sequence, number),
    check ((position is null) = (posted_at is null)),
    check ((restates_sequence is null) = (restates_number is null)),
    check (amount_whole <> 0 or amount_nano <> 0 or amount_atto <> 0)
) strict, without rowid;

create index movements_unposted on movements (payment_id) where position is null;
create unique index movements_posted_in_order on movements (position) where position is not null;
create index movements_posted_at on movements (posted_at) where posted_at is not null;

-- How far the books go: one row.
create table books (
    id             integer primary key check (id = 1),
    last_position  integer not null check (last_position >= 0), -- the place of the last line that was posted
    last_posted_at integer not null                             -- when it was posted
) strict;
insert into books values (1, 0, 0);

-- I11: the lines of the books are counted from 1 without gaps.
create view violation_books_have_gaps as
select 'books' as subject,
       format('%d lines posted up to %d, the books end at %d', count(m.position), coalesce(max(m.position), 0), b.last_position) as detail
from books b left join movements m on m.position is not null
group by b.last_position
having count(m.position) <> b.last_position or coalesce(max(m.position), 0) <> b.last_position;

-- I9: every line of the books is told by a ledger entry.
create view violation_line_without_entry as
select m.payment_id as subject, format('line %d of entry %d', m.number, m.sequence) as detail
from movements m
where not exists (select 1 from payment_events e where e.payment_id = m.payment_id and e.sequence = m.sequence);

-- I11: what a completed payment settled is what its lines add up to. The three parts of the difference are carried over.
create view violation_books_are_not_the_payments as
with difference as (
    select p.payment_id, coalesce(sum(m.amount_whole), 0) * s.sign - p.settled_whole as whole,
           coalesce(sum(m.amount_nano), 0) * s.sign - p.settled_nano as nano,
           coalesce(sum(m.amount_atto), 0) * s.sign - p.settled_atto as atto
    from payments p
    join (select 'DEPOSIT' as payment_type, 1 as sign union all values ('WITHDRAWAL', -1), ('REFUND', -1)) s
        on s.payment_type = p.payment_type
    left join movements m on m.payment_id = p.payment_id and m.gateway_payment_id = p.gateway_payment_id
                         and m.kind <> 'fee' and m.currency = p.settled_currency
    where p.state = 'COMPLETED' and p.settled_currency is not null
    group by p.payment_id
)
select payment_id as subject,
       format('its lines differ from what it settled by %d + %d e-9 + %d e-18', whole, nano, atto) as detail
from difference
where atto % 1000000000 <> 0
   or (nano + atto / 1000000000) % 1000000000 <> 0
   or whole + (nano + atto / 1000000000) / 1000000000 <> 0;
