-- A notice that nothing will ever match is dismissed by a person; what people do with notices is kept.

-- Who dismissed it, when and why: {at, by, via, reason}; none if nobody did, or somebody restored it.
alter table webhook_notices add column dismissal text check (dismissal is null or json_valid(dismissal));

create index webhook_notices_stuck on webhook_notices (received_at, notice_id, shop)
    where verdict = 'unmatched' and dismissal is null;

-- What people did with notices, and why. Rows are only added.
create table notice_deeds (
    notice_id text not null,     -- which notice: webhook_notices.notice_id
    at        integer not null,  -- when
    deed      text not null check (deed in ('dismissed', 'restored', 'rerun')),  -- dismissed: it is not listed as stuck any more; restored: it is again; rerun: it was run again, with others
    done_by   text not null check (json_valid(done_by)),  -- whose key it was: {key, name}
    via       text not null,     -- from where: api, console, command-line
    reason    text not null      -- why, in their own words
) strict;
create index notice_deeds_of on notice_deeds (notice_id, at);
