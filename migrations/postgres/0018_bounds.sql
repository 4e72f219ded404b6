-- More of what must not be is watched.

create view violation_acknowledged_and_gone as
select n.notice_id::text as subject, format('filed under the payment %s, which is not there', n.payment_id) as detail
from webhook_notices n left join payments p using (payment_id)
where n.payment_id is not null and p.payment_id is null
union all
select o.payment_id::text, format('event %s is told, its payment is not there', o.sequence)
from outbox o left join payments p using (payment_id)
where o.position is not null and p.payment_id is null;
comment on view violation_acknowledged_and_gone is
    'I6: what a webhook was answered for, and what others were told of, is there.';

create view violation_beyond_its_bound as
select payment_id::text as subject,
       format('%s requests, %s refunds, %s pairs of metadata', jsonb_array_length(attempts), jsonb_array_length(refunds), pairs) as detail
from payments cross join lateral (select count(*) as pairs from jsonb_object_keys(metadata)) m
where jsonb_array_length(attempts) > 10 or jsonb_array_length(refunds) > 1000 or pairs > 15
union all
select notice_id::text, format('%s bytes', length(body)) from webhook_notices where length(body) > 1048576 + 16;
comment on view violation_beyond_its_bound is
    'I14: eight requests that did not leave and two that may have, a thousand refunds, fifteen pairs, notices of 1 MiB (sealed).';
