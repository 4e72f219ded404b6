-- Records a batch of units in one statement; each unit stands or falls alone.
--
-- Parameters are arrays, one a column; `unit` is the ordinal of the unit that a row belongs to, counted from 1.
-- Everything that happens is chosen by unit and never by payment, so that nothing of a losing unit remains.
--
-- Locks are taken in one order in every process, so that there are no deadlocks: payments with their checks by id,
-- then gateway ids, then references, then notices, each sorted by key. A row that changed since the statement began
-- is compared as it is when its lock is held, so no later step compares it again: the snapshot still shows the old one.
-- `= any(…)` beside a join keeps to the primary key whatever the planner believes of a table's size.
with moving as (
    select * from unnest(
        $2::int4[], $3::uuid[], $4::int8[], $5::int8[], $6::bool[], $7::bool[], $8::text[], $9::text[], $10::text[],
        $11::timestamptz[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::numeric[],
        $18::text[], $19::text[], $20::text[], $21::text[], $22::text[], $23::text[], $24::text[], $25::text[], $26::text[],
        $27::text[], $28::text[], $29::text[], $30::text[], $31::int8[], $32::timestamptz[], $33::text[],
        $34::timestamptz[], $35::int8[], $36::int8[], $37::timestamptz[], $38::text[], $39::uuid[],
        $40::timestamptz[], $41::int8[], $42::text[], $43::timestamptz[], $44::timestamptz[], $45::text[]
    ) as m(unit, payment_id, expected_version, expected_epoch, has_entry, changes_state, shop, claim, state, state_at,
         payment_method, attempts, gateway_payment_id, redirect_url, external_refs, settled_amount, settled_currency,
         fee, error_code, error_message, external_result_code, error_fields, confirmed_by, contradicted_by, others, flags,
         commands, refunds, told_parent, version, updated_at, open_state, next_check_at, checks, empty_look_ups,
         checked_at, lease, lease_owner, leased_until, failures, stuck_reason, stuck_since, stuck_at, care)
),
bearing as (
    select * from unnest(
        $46::int4[], $47::uuid[], $48::text[], $49::text[], $50::text[], $51::text[], $52::timestamptz[],
        $53::numeric[], $54::text[], $55::text[], $56::text[], $57::text[], $58::text[], $59::bool[], $60::uuid[],
        $61::text[], $62::text[], $63::text[], $64::text[], $65::text[], $66::text[], $67::numeric[], $68::text[], $69::text[],
        $70::text[], $71::text[], $72::text[], $73::text[], $74::text[], $75::text[], $76::text[], $77::text[],
        $78::text[], $79::text[], $80::text[], $81::text[], $82::text[], $83::int8[], $84::int8[], $85::timestamptz[],
        $86::timestamptz[], $87::text[], $88::timestamptz[], $89::int8[], $90::uuid[], $91::timestamptz[],
        $92::bytea[]
    ) as b(unit, payment_id, shop, reference_id, payment_type, state, state_at, amount, currency,
         requested_payment_method, payment_method, flow, kind, pre_auth, parent_payment_id, metadata, fingerprint,
         attempts, gateway_payment_id, redirect_url, external_refs, settled_amount, settled_currency, fee,
         error_code, error_message, external_result_code, error_fields, confirmed_by, contradicted_by, others, flags, commands,
         refunds, told_parent, ordered_by, trace, state_changes, version, created_at, updated_at, open_state,
         next_check_at, epoch, lease_owner, leased_until, kept_request)
),
entering as (
    select * from unnest(
        $93::int4[], $94::uuid[], $95::int8[], $96::timestamptz[], $97::text[], $98::text[], $99::text[],
        $100::text[], $101::bool[], $102::text[], $103::text[],
        $104::text[]
    ) as e(unit, payment_id, sequence, at, source, verdict, kind, state, changes_state, seen, change, movements)
),
filing as (
    select * from unnest($105::int4[], $106::uuid[], $107::text[], $108::uuid[], $109::timestamptz[])
    as f(unit, notice_id, verdict, payment_id, filed_at)
),

-- What is compared, locked in key order. Payment and checks together: a claim of due work changes only the checks.
locked as materialized (
    select p.payment_id, p.version, c.epoch
    from payments p join payment_checks c on c.payment_id = p.payment_id
    where p.payment_id = any ($3) and c.payment_id = any ($3)
    order by p.payment_id
    for no key update
),
-- A payment has its turn once in a batch: an update would apply one of two rows, and its second unit would still win.
turns as (
    select unit, row_number() over (partition by payment_id order by unit) as turn
    from (select unit, payment_id from moving union all select unit, payment_id from bearing) as named
),
fit as materialized (
    select u.unit
    from generate_series(1, $1::int4) as u(unit)
    left join moving m on m.unit = u.unit
    left join locked l on l.payment_id = m.payment_id
    where (m.unit is null or (l.version = m.expected_version and l.epoch = coalesce(m.expected_epoch, l.epoch)))
      and u.unit not in (select unit from turns where turn > 1)
),

-- What may be taken. A unit has one of the two, so that there is nothing to undo when it is.
claimed as (
    insert into gateway_payments (shop, gateway_payment_id, payment_id, at)
    select m.shop, m.claim, m.payment_id, m.updated_at
    from moving m join fit on fit.unit = m.unit
    where m.claim is not null
    order by m.claim, m.shop, m.unit
    on conflict (gateway_payment_id, shop) do nothing
    returning payment_id
),
already as (
    select m.unit
    from moving m
    join gateway_payments g on g.gateway_payment_id = m.claim and g.shop = m.shop and g.payment_id = m.payment_id
    where g.gateway_payment_id = any ($9)
),
born as (
    insert into payments (
        payment_id, shop, reference_id, payment_type, state, state_at, amount, currency, requested_payment_method,
        payment_method, flow, kind, pre_auth, parent_payment_id, metadata, fingerprint, attempts, gateway_payment_id,
        redirect_url, external_refs, settled_amount, settled_currency, fee, error_code, error_message, external_result_code,
        error_fields, confirmed_by, contradicted_by, others, flags, commands, refunds, told_parent, ordered_by,
        trace, state_changes, version, created_at, updated_at)
    select b.payment_id, b.shop, b.reference_id, b.payment_type, b.state, b.state_at, b.amount, b.currency,
           b.requested_payment_method, b.payment_method, b.flow, b.kind, b.pre_auth, b.parent_payment_id,
           b.metadata::jsonb, b.fingerprint::jsonb, b.attempts::jsonb, b.gateway_payment_id, b.redirect_url,
           b.external_refs::jsonb, b.settled_amount, b.settled_currency, b.fee::jsonb, b.error_code, b.error_message,
           b.external_result_code, b.error_fields::jsonb, string_to_array(b.confirmed_by, ','),
           b.contradicted_by::jsonb, b.others::jsonb, string_to_array(b.flags, ','), b.commands::jsonb,
           b.refunds::jsonb, b.told_parent, b.ordered_by::jsonb, b.trace, b.state_changes, b.version,
           b.created_at, b.updated_at
    from bearing b join fit on fit.unit = b.unit
    where (select count(*) from claimed) >= 0 -- always; gateway ids come before references
    order by b.reference_id, b.shop, b.unit
    on conflict (reference_id, shop) do nothing
    returning payment_id
),
answer as materialized (
    select u.unit,
           case when fit.unit is null then 'lost'
                when b.unit is not null and born.payment_id is null then 'taken'
                when m.claim is not null and claimed.payment_id is null and already.unit is null then 'claimed'
                else 'won'
           end as outcome
    from generate_series(1, $1::int4) as u(unit)
    left join fit on fit.unit = u.unit
    left join moving m on m.unit = u.unit
    left join claimed on claimed.payment_id = m.payment_id
    left join already on already.unit = u.unit
    left join bearing b on b.unit = u.unit
    left join born on born.payment_id = b.payment_id
),
won as materialized (
    select unit from answer where outcome = 'won'
),

-- What follows, for those who won.
moved as (
    update payments p
    set state = m.state, state_at = m.state_at, payment_method = m.payment_method, attempts = m.attempts::jsonb,
        gateway_payment_id = m.gateway_payment_id, redirect_url = m.redirect_url,
        external_refs = m.external_refs::jsonb, settled_amount = m.settled_amount,
        settled_currency = m.settled_currency, fee = m.fee::jsonb, error_code = m.error_code, error_message = m.error_message,
        external_result_code = m.external_result_code, error_fields = m.error_fields::jsonb,
        confirmed_by = string_to_array(m.confirmed_by, ','), contradicted_by = m.contradicted_by::jsonb,
        others = m.others::jsonb, flags = string_to_array(m.flags, ','), commands = m.commands::jsonb,
        refunds = m.refunds::jsonb, told_parent = m.told_parent, care = m.care::jsonb,
        state_changes = p.state_changes + m.changes_state::int, version = m.version, updated_at = m.updated_at
    from moving m join won on won.unit = m.unit
    where p.payment_id = m.payment_id and p.payment_id = any ($3) and m.has_entry
    returning p.payment_id, p.state_changes
),
entered as (
    insert into payment_events (payment_id, sequence, at, source, verdict, kind, state, seen, change)
    select e.payment_id, e.sequence, e.at, e.source, e.verdict, e.kind, e.state, e.seen::jsonb, e.change::jsonb
    from entering e join won on won.unit = e.unit
),
booked as (
    insert into movements (payment_id, sequence, number, kind, relation, gateway_payment_id, amount, currency)
    select e.payment_id, e.sequence, m.number, m.kind, m.relation, m.gateway_payment_id, m.amount, m.currency
    from entering e
    join won on won.unit = e.unit
    cross join lateral jsonb_to_recordset(e.movements::jsonb)
        as m(number int4, kind text, relation text, gateway_payment_id text, amount numeric, currency text)
    where e.movements is not null
),
told as (
    -- The count of a payment's changes of state is kept in its row, so it is exact under the row's lock.
    insert into outbox (payment_id, sequence, version, state, occurred_at)
    select e.payment_id, coalesce(moved.state_changes, 1), e.sequence, e.state, e.at
    from entering e join won on won.unit = e.unit left join moved on moved.payment_id = e.payment_id
    where e.changes_state
),
checked as (
    update payment_checks c
    set open_state = m.open_state, next_check_at = m.next_check_at, checks = m.checks,
        empty_look_ups = m.empty_look_ups, checked_at = m.checked_at, failures = m.failures, shop = m.shop,
        stuck_reason = m.stuck_reason, stuck_since = m.stuck_since, stuck_at = m.stuck_at,
        lease_owner = case when m.lease = 'keep' then c.lease_owner else m.lease_owner end,
        leased_until = case when m.lease = 'keep' then c.leased_until else m.leased_until end,
        epoch = c.epoch + (m.lease = 'take')::int
    from moving m join won on won.unit = m.unit
    where c.payment_id = m.payment_id and c.payment_id = any ($3)
),
scheduled as (
    insert into payment_checks (payment_id, open_state, next_check_at, checks, empty_look_ups, lease_owner,
                                leased_until, epoch, shop)
    select b.payment_id, b.open_state, b.next_check_at, 0, 0, b.lease_owner, b.leased_until, b.epoch, b.shop
    from bearing b join won on won.unit = b.unit
),
kept as (
    insert into kept_requests (payment_id, body, kept_at)
    select b.payment_id, b.kept_request, b.created_at
    from bearing b join won on won.unit = b.unit
    where b.kept_request is not null
),
forgotten as (
    delete from kept_requests k
    using moving m join won on won.unit = m.unit
    where k.payment_id = m.payment_id and k.payment_id = any ($3) and m.open_state is null
),
settling as materialized (
    select notice_id, verdict from webhook_notices
    where notice_id = any (array(select f.notice_id from filing f join won on won.unit = f.unit))
    order by notice_id
    for no key update
),
filed as (
    update webhook_notices n
    set verdict = f.verdict, payment_id = f.payment_id, filed_at = f.filed_at
    from filing f join won on won.unit = f.unit join settling s on s.notice_id = f.notice_id
    where n.notice_id = f.notice_id and n.notice_id = any (array(select notice_id from settling))
      and s.verdict is null -- the first one stays
)
select unit, outcome from answer
