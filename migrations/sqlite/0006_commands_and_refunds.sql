-- What the merchant had the gateway do with a payment, and what refunds hold of a deposit.

-- Captures, voids, approvals, rejections and host-to-host starts that were given, in order:
-- [{command, issuedAt, sentAt, requests, outcome}].
alter table payments add column commands text not null default '[]' check (json_valid(commands));
-- What refunds hold of a deposit: [{id, money, standing}]; standing is reserved, completed or released. Each is a
-- payment of its own, by id.
alter table payments add column refunds text not null default '[]' check (json_valid(refunds));
-- Of a refund: the final state that its deposit was told.
alter table payments add column told_parent text;
-- Whose key ordered it: {key, name}; none if that was not recorded.
alter table payments add column ordered_by text check (ordered_by is null or json_valid(ordered_by));

-- I10: what refunds hold or moved never exceeds what was captured. What the gateway itself let happen is flagged on the
-- deposit, and is a break for finance. The three parts of an amount are summed as integers and carried over.
create view violation_refunded_more_than_captured as
with held as (
    select d.payment_id, d.settled_whole, d.settled_nano, d.settled_atto,
           sum(coalesce(r.settled_whole, r.amount_whole)) as whole,
           sum(coalesce(r.settled_nano, r.amount_nano)) as nano,
           sum(coalesce(r.settled_atto, r.amount_atto)) as atto
    from payments d
    join payments r on r.parent_payment_id = d.payment_id and r.payment_type = 'REFUND'
    where r.state not in ('DECLINED', 'CANCELLED', 'REJECTED')
      and instr(',' || d.flags || ',', ',over-refunded,') = 0
    group by d.payment_id
),
carried as (
    select payment_id, settled_whole, settled_nano, settled_atto,
           whole + (nano + atto / 1000000000) / 1000000000 as whole,
           (nano + atto / 1000000000) % 1000000000 as nano, atto % 1000000000 as atto
    from held
)
select payment_id as subject,
       format('%d.%09d%09d captured, %d.%09d%09d held by refunds', coalesce(settled_whole, 0), coalesce(settled_nano, 0),
              coalesce(settled_atto, 0), whole, nano, atto) as detail
from carried
where (whole, nano, atto) > (coalesce(settled_whole, 0), coalesce(settled_nano, 0), coalesce(settled_atto, 0));

-- I10: a refund is opened together with its reservation on the deposit.
create view violation_refund_unknown_to_its_deposit as
select r.payment_id as subject, format('deposit %s', coalesce(d.payment_id, 'not there')) as detail
from payments r
left join payments d on d.payment_id = r.parent_payment_id
where r.payment_type = 'REFUND'
  and not exists (select 1 from json_each(d.refunds) held where held.value ->> 'id' = r.payment_id);

-- I7: a command whose outcome is not known has a next check or a lease.
create view violation_open_command_without_next_check as
select p.payment_id as subject, p.commands -> '$[#-1]' -> 'command' ->> 'kind' as detail
from payments p
join payment_checks c using (payment_id)
where p.commands -> '$[#-1]' -> 'outcome' ->> 'kind' in ('in-flight', 'unknown', 'denied')
  and c.next_check_at is null and c.leased_until is null;
