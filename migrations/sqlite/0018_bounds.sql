-- More of what must not be is watched.

-- I6: what a webhook was answered for, and what others were told of, is there.
create view violation_acknowledged_and_gone as
select n.notice_id as subject, format('filed under the payment %s, which is not there', n.payment_id) as detail
from webhook_notices n left join payments p on p.payment_id = n.payment_id
where n.payment_id is not null and p.payment_id is null
union all
select o.payment_id, format('event %d is told, its payment is not there', o.sequence)
from outbox o left join payments p on p.payment_id = o.payment_id
where o.position is not null and p.payment_id is null;

-- I14: eight requests that did not leave and two that may have, a thousand refunds, fifteen pairs, notices of 1 MiB (sealed).
create view violation_beyond_its_bound as
select payment_id as subject,
       format('%d requests, %d refunds, %d pairs of metadata', json_array_length(attempts), json_array_length(refunds),
              (select count(*) from json_each(metadata))) as detail
from payments
where json_array_length(attempts) > 10 or json_array_length(refunds) > 1000 or (select count(*) from json_each(metadata)) > 15
union all
select notice_id, format('%d bytes', length(body)) from webhook_notices where length(body) > 1048576 + 16;
