-- What the merchant had the gateway do with a payment, and what refunds hold of a deposit.

alter table payments
    add column commands    jsonb not null default '[]',
    add column refunds     jsonb not null default '[]',
    add column told_parent text,
    add column ordered_by  jsonb;

comment on column payments.commands is
    'Captures, voids, approvals, rejections and host-to-host starts that were given, in order: an array of {command, issuedAt, sentAt, requests, outcome}.';
comment on column payments.refunds is
    'What refunds hold of a deposit: an array of {id, money, standing}; standing is reserved, completed or released. Each is a payment of its own, by id.';
comment on column payments.told_parent is 'Of a refund: the final state that its deposit was told.';
comment on column payments.ordered_by is 'Whose key ordered it: {key, name}; none if that was not recorded.';

comment on table kept_requests is
    'Encrypted requests that may still have to leave: a POST that did not get through or may be sent a second time, and the PATCH of a host-to-host deposit. Never one with card or wallet data. Gone when the payment is final, or after a day.';
comment on column kept_requests.body is 'The requests, encrypted.';

create view violation_refunded_more_than_captured as
select d.payment_id::text as subject,
       format('%s %s captured, %s held by refunds', coalesce(d.settled_amount, 0), d.settled_currency, sum(coalesce(r.settled_amount, r.amount))) as detail
from payments d
join payments r on r.parent_payment_id = d.payment_id and r.payment_type = 'REFUND'
where r.state not in ('DECLINED', 'CANCELLED', 'REJECTED')
  and not d.flags @> array['over-refunded']
group by d.payment_id
having sum(coalesce(r.settled_amount, r.amount)) > coalesce(d.settled_amount, 0);
comment on view violation_refunded_more_than_captured is
    'I10: what refunds hold or moved never exceeds what was captured. What the gateway itself let happen is flagged on the deposit, and is a break for finance.';

create view violation_refund_unknown_to_its_deposit as
select r.payment_id::text as subject, format('deposit %s', coalesce(d.payment_id::text, 'not there')) as detail
from payments r
left join payments d on d.payment_id = r.parent_payment_id
where r.payment_type = 'REFUND'
  and not coalesce(d.refunds @> jsonb_build_array(jsonb_build_object('id', r.payment_id)), false);
comment on view violation_refund_unknown_to_its_deposit is
    'I10: a refund is opened together with its reservation on the deposit.';

create view violation_open_command_without_next_check as
select p.payment_id::text as subject, p.commands -> -1 -> 'command' ->> 'kind' as detail
from payments p
join payment_checks c using (payment_id)
where p.commands -> -1 -> 'outcome' ->> 'kind' in ('in-flight', 'unknown', 'denied')
  and c.next_check_at is null and c.leased_until is null;
comment on view violation_open_command_without_next_check is
    'I7: a command whose outcome is not known has a next check or a lease.';
