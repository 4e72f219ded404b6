-- What must not be. Each view is empty as long as its rule holds; `subject` says whose row breaks it, `detail` how.

-- I9: a payment's version is the number of its entries, which are counted from 1 without gaps.
create view violation_version_is_not_its_entries as
select p.payment_id as subject,
       format('version %d, %d entries from %s to %s', p.version, coalesce(e.entries, 0), e.first, e.last) as detail
from payments p
left join (select payment_id, count(*) as entries, min(sequence) as first, max(sequence) as last
           from payment_events group by payment_id) e using (payment_id)
where e.entries is not p.version or e.first <> 1 or e.last <> p.version;

-- I9: every entry belongs to a payment.
create view violation_entries_of_no_payment as
select e.payment_id as subject, format('%d entries', count(*)) as detail
from payment_events e
where not exists (select 1 from payments p where p.payment_id = e.payment_id)
group by e.payment_id;

-- I9: a payment has the state that its latest entry left.
create view violation_state_is_not_that_of_its_entries as
select p.payment_id as subject, format('state %s, the latest entry left %s', p.state, e.state) as detail
from payments p
join payment_events e on e.payment_id = p.payment_id and e.sequence = p.version
where e.state <> p.state;

-- I5: only the gateway can tell of these states, so that its payment is known.
create view violation_state_without_gateway_payment as
select payment_id as subject, format('state %s', state) as detail
from payments
where gateway_payment_id is null and state not in ('SUBMITTED', 'REJECTED');

-- I7: every payment that is not final has a next check, a lease or a flag.
create view violation_open_without_next_check as
select p.payment_id as subject,
       case when c.payment_id is null then 'no row in payment_checks' else format('state %s', p.state) end as detail
from payments p
left join payment_checks c using (payment_id)
where c.payment_id is null
   or (p.state in ('SUBMITTED', 'CHECKOUT', 'PENDING', 'AWAITING_APPROVAL', 'AUTHORIZED')
       and c.next_check_at is null and c.leased_until is null and p.flags = '');

-- I7: an open payment is found by its state, and a final one is not.
create view violation_open_state_differs as
select p.payment_id as subject, format('state %s, open_state %s', p.state, c.open_state) as detail
from payments p
join payment_checks c using (payment_id)
where c.open_state is not
      case when p.state in ('SUBMITTED', 'CHECKOUT', 'PENDING', 'AWAITING_APPROVAL', 'AUTHORIZED') then p.state end;

-- I8: a gateway payment that a payment adopted is claimed by that payment.
create view violation_adopted_id_not_claimed as
select p.payment_id as subject,
       format('gateway payment %s is claimed by %s', p.gateway_payment_id, coalesce(g.payment_id, 'nobody')) as detail
from payments p
left join gateway_payments g on g.gateway_payment_id = p.gateway_payment_id and g.shop = p.shop
where p.gateway_payment_id is not null and g.payment_id is not p.payment_id;

-- I2: a gateway payment is adopted by one payment.
create view violation_gateway_payment_adopted_twice as
select min(payment_id) as subject,
       format('gateway payment %s is adopted by %s', gateway_payment_id, group_concat(payment_id, ', ')) as detail
from payments
where gateway_payment_id is not null
group by shop, gateway_payment_id
having count(*) > 1;

-- I9: every change of a payment's state is an event, counted from 1 without gaps.
create view violation_outbox_has_gaps as
select p.payment_id as subject,
       format('%d changes of state, %d events from %s to %s', p.state_changes, coalesce(o.events, 0), o.first, o.last) as detail
from payments p
left join (select payment_id, count(*) as events, min(sequence) as first, max(sequence) as last
           from outbox group by payment_id) o using (payment_id)
where coalesce(o.events, 0) <> p.state_changes or o.first <> 1 or o.last <> p.state_changes;

-- I9: the changes of state are those of the ledger.
create view violation_outbox_misses_a_change as
select p.payment_id as subject, format('%d changes of state, %d entries that set it', p.state_changes, e.changes) as detail
from payments p
join (select payment_id, count(*) filter (where change ->> 'state' is not null) as changes
      from payment_events group by payment_id) e using (payment_id)
where e.changes <> p.state_changes;

-- I12: no request is kept for a payment that has ended.
create view violation_request_kept_too_long as
select k.payment_id as subject, format('kept since %d, the payment is %s', k.kept_at, coalesce(p.state, 'not there')) as detail
from kept_requests k
left join payments p using (payment_id)
where p.state is null or p.state in ('COMPLETED', 'DECLINED', 'CANCELLED', 'REJECTED');
