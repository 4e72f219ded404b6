-- The inbox for people: notices are listed, and run again; and more of what must not be is watched.

alter table webhook_notices
    add column reruns   bigint not null default 0 check (reruns >= 0),
    add column rerun_by text;

comment on column webhook_notices.reruns is 'How often a person had it run again.';
comment on column webhook_notices.rerun_by is 'The name of the key with which that was asked for last.';

create view violation_more_requests_than_allowed as
select payment_id::text as subject, format('%s, %s requests that may have left', kind, sent) as detail
from payments
cross join lateral (
    select count(*) as sent from jsonb_array_elements(attempts) a where a ->> 'outcome' <> 'not-sent'
) requests
where sent > case kind when 'inert' then 2 else 1 end;
comment on view violation_more_requests_than_allowed is
    'I1: at most two requests of an inert payment may have left, and one of a moving one.';

create view violation_end_that_changed as
select e.payment_id::text as subject, format('entry %s: %s after %s', n.sequence, n.state, e.state) as detail
from payment_events e
join payment_events n on n.payment_id = e.payment_id and n.sequence = e.sequence + 1
where e.state in ('COMPLETED', 'DECLINED', 'CANCELLED', 'REJECTED') and n.state <> e.state
  and not coalesce(n.change -> 'flags' ? 'gateway-correction', false);
comment on view violation_end_that_changed is 'I4: an end stays, but for an audited correction.';

create view violation_state_without_evidence as
select payment_id::text as subject, format('entry %s: %s by %s', sequence, state, kind) as detail
from payment_events
where change ? 'state'
  and kind not in ('opened', 'accepted', 'found', 'undecided', 'reported', 'command-answered', 'refused', 'not-sent', 'given-up');
comment on view violation_state_without_evidence is
    'I5: a state is what the gateway told, or follows from a proof that it has nothing.';

create view violation_notice_that_never_came as
select e.payment_id::text as subject, format('entry %s', e.sequence) as detail
from payment_events e
where e.source = 'webhook'
  and e.verdict <> 'elsewhere' -- a candidate's notice may still wait, and is then filed under no payment yet
  and not exists (select from webhook_notices n
                  where n.payment_id = e.payment_id and n.gateway_payment_id = e.seen -> 'sighting' ->> 'id');
comment on view violation_notice_that_never_came is
    'I13: what a webhook told stands in the inbox, which holds only what was signed.';
