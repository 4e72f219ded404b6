-- The inbox for people: notices are listed, and run again; and more of what must not be is watched.

-- How often a person had it run again.
alter table webhook_notices add column reruns integer not null default 0 check (reruns >= 0);
-- The name of the key with which that was asked for last.
alter table webhook_notices add column rerun_by text;

-- I1: at most two requests of an inert payment may have left, and one of a moving one.
create view violation_more_requests_than_allowed as
with requests as (
    select payment_id, kind,
           (select count(*) from json_each(attempts) a where a.value ->> 'outcome' <> 'not-sent') as sent
    from payments
)
select payment_id as subject, format('%s, %d requests that may have left', kind, sent) as detail
from requests
where sent > iif(kind = 'inert', 2, 1);

-- I4: an end stays, but for an audited correction.
create view violation_end_that_changed as
select e.payment_id as subject, format('entry %d: %s after %s', n.sequence, n.state, e.state) as detail
from payment_events e
join payment_events n on n.payment_id = e.payment_id and n.sequence = e.sequence + 1
where e.state in ('COMPLETED', 'DECLINED', 'CANCELLED', 'REJECTED') and n.state <> e.state
  and not exists (select 1 from json_each(n.change, '$.flags') f where f.value = 'gateway-correction');

-- I5: a state is what the gateway told, or follows from a proof that it has nothing.
create view violation_state_without_evidence as
select payment_id as subject, format('entry %d: %s by %s', sequence, state, kind) as detail
from payment_events
where change ->> 'state' is not null
  and kind not in ('opened', 'accepted', 'found', 'undecided', 'reported', 'command-answered', 'refused', 'not-sent', 'given-up');

-- I13: what a webhook told stands in the inbox, which holds only what was signed.
create view violation_notice_that_never_came as
select e.payment_id as subject, format('entry %d', e.sequence) as detail
from payment_events e
where e.source = 'webhook'
  and e.verdict <> 'elsewhere' -- a candidate's notice may still wait, and is then filed under no payment yet
  and not exists (select 1 from webhook_notices n
                  where n.payment_id = e.payment_id and n.gateway_payment_id = e.seen ->> '$.sighting.id');
