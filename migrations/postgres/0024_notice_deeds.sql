-- A notice that nothing will ever match is dismissed by a person; what people do with notices is kept.

alter table webhook_notices add column dismissal jsonb;
comment on column webhook_notices.dismissal is 'Who dismissed it, when and why: {at, by, via, reason}; none if nobody did, or somebody restored it.';

create index webhook_notices_stuck on webhook_notices (received_at, notice_id, shop)
    where verdict = 'unmatched' and dismissal is null;

create table notice_deeds (
    notice_id uuid not null,
    at        timestamptz not null,
    deed      text not null check (deed in ('dismissed', 'restored', 'rerun')),
    done_by   jsonb not null,
    via       text not null,
    reason    text not null
);
create index notice_deeds_of on notice_deeds (notice_id, at);

comment on table notice_deeds is 'What people did with notices, and why. Rows are only added.';
comment on column notice_deeds.notice_id is 'Which notice: webhook_notices.notice_id.';
comment on column notice_deeds.at is 'When (UTC).';
comment on column notice_deeds.deed is 'dismissed: it is not listed as stuck any more; restored: it is again; rerun: it was run again, with others.';
comment on column notice_deeds.done_by is 'Whose key it was: {key, name}.';
comment on column notice_deeds.via is 'From where: api, console, command-line.';
comment on column notice_deeds.reason is 'Why, in their own words.';
