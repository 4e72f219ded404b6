-- What must not be. Each view is empty as long as its rule holds; `subject` says whose row breaks it, `detail` how.

create view violation_version_is_not_its_entries as
select p.payment_id::text as subject,
       format('version %s, %s entries from %s to %s', p.version, coalesce(e.entries, 0), e.first, e.last) as detail
from payments p
left join (select payment_id, count(*) as entries, min(sequence) as first, max(sequence) as last
           from payment_events group by payment_id) e using (payment_id)
where e.entries is distinct from p.version or e.first <> 1 or e.last <> p.version;
comment on view violation_version_is_not_its_entries is
    'I9: a payment''s version is the number of its entries, which are counted from 1 without gaps.';

create view violation_entries_of_no_payment as
select e.payment_id::text as subject, format('%s entries', count(*)) as detail
from payment_events e
where not exists (select from payments p where p.payment_id = e.payment_id)
group by e.payment_id;
comment on view violation_entries_of_no_payment is 'I9: every entry belongs to a payment.';

create view violation_state_is_not_that_of_its_entries as
select p.payment_id::text as subject, format('state %s, the latest entry left %s', p.state, e.state) as detail
from payments p
join payment_events e on e.payment_id = p.payment_id and e.sequence = p.version
where e.state <> p.state;
comment on view violation_state_is_not_that_of_its_entries is 'I9: a payment has the state that its latest entry left.';

create view violation_state_without_gateway_payment as
select payment_id::text as subject, format('state %s', state) as detail
from payments
where gateway_payment_id is null and state not in ('SUBMITTED', 'REJECTED');
comment on view violation_state_without_gateway_payment is
    'I5: only the gateway can tell of these states, so that its payment is known.';

create view violation_open_without_next_check as
select p.payment_id::text as subject,
       case when c.payment_id is null then 'no row in payment_checks' else format('state %s', p.state) end as detail
from payments p
left join payment_checks c using (payment_id)
where c.payment_id is null
   or (p.state in ('SUBMITTED', 'CHECKOUT', 'PENDING', 'AWAITING_APPROVAL', 'AUTHORIZED')
       and c.next_check_at is null and c.leased_until is null and p.flags = '{}');
comment on view violation_open_without_next_check is
    'I7: every payment that is not final has a next check, a lease or a flag.';

create view violation_open_state_differs as
select p.payment_id::text as subject, format('state %s, open_state %s', p.state, c.open_state) as detail
from payments p
join payment_checks c using (payment_id)
where c.open_state is distinct from
      case when p.state in ('SUBMITTED', 'CHECKOUT', 'PENDING', 'AWAITING_APPROVAL', 'AUTHORIZED') then p.state end;
comment on view violation_open_state_differs is 'I7: an open payment is found by its state, and a final one is not.';

create view violation_adopted_id_not_claimed as
select p.payment_id::text as subject,
       format('gateway payment %s is claimed by %s', p.gateway_payment_id, coalesce(g.payment_id::text, 'nobody')) as detail
from payments p
left join gateway_payments g on g.gateway_payment_id = p.gateway_payment_id and g.shop = p.shop
where p.gateway_payment_id is not null and g.payment_id is distinct from p.payment_id;
comment on view violation_adopted_id_not_claimed is
    'I8: a gateway payment that a payment adopted is claimed by that payment.';

create view violation_gateway_payment_adopted_twice as
select min(payment_id::text) as subject,
       format('gateway payment %s is adopted by %s', gateway_payment_id, string_agg(payment_id::text, ', ' order by payment_id)) as detail
from payments
where gateway_payment_id is not null
group by shop, gateway_payment_id
having count(*) > 1;
comment on view violation_gateway_payment_adopted_twice is 'I2: a gateway payment is adopted by one payment.';

create view violation_outbox_has_gaps as
select p.payment_id::text as subject,
       format('%s changes of state, %s events from %s to %s', p.state_changes, coalesce(o.events, 0), o.first, o.last) as detail
from payments p
left join (select payment_id, count(*) as events, min(sequence) as first, max(sequence) as last
           from outbox group by payment_id) o using (payment_id)
where coalesce(o.events, 0) <> p.state_changes or o.first <> 1 or o.last <> p.state_changes;
comment on view violation_outbox_has_gaps is
    'I9: every change of a payment''s state is an event, counted from 1 without gaps.';

create view violation_outbox_misses_a_change as
select p.payment_id::text as subject, format('%s changes of state, %s entries that set it', p.state_changes, e.changes) as detail
from payments p
join (select payment_id, count(*) filter (where change ? 'state') as changes
      from payment_events group by payment_id) e using (payment_id)
where e.changes <> p.state_changes;
comment on view violation_outbox_misses_a_change is 'I9: the changes of state are those of the ledger.';

create view violation_request_kept_too_long as
select k.payment_id::text as subject, format('kept since %s, the payment is %s', k.kept_at, coalesce(p.state, 'not there')) as detail
from kept_requests k
left join payments p using (payment_id)
where p.state is null or p.state in ('COMPLETED', 'DECLINED', 'CANCELLED', 'REJECTED');
comment on view violation_request_kept_too_long is 'I12: no request is kept for a payment that has ended.';
