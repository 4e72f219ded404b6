-- Settlement files: what a provider or a bank says that it has paid out, as a third book of the same money.

create table settlements (
    settlement_id uuid primary key,
    shop          text not null,
    digest        text not null,
    format        text not null,
    bytes         bigint not null check (bytes >= 0),
    lines         bigint not null check (lines >= 0),
    unnamed       bigint not null check (unnamed >= 0),
    window_from   timestamptz not null,
    window_to     timestamptz not null,
    uploaded_by   jsonb,
    uploaded_at   timestamptz not null,
    constraint settlements_window check (window_from < window_to)
);

comment on table settlements is 'Files that say what was paid out. Each is compared once, by the run that has its name.';
comment on column settlements.settlement_id is 'Our name for it, made of the shop and the digest, so that the same file is the same one; its comparison has it too: reconciliations.run_id.';
comment on column settlements.shop is 'Whose payments it tells of.';
comment on column settlements.digest is 'The SHA-256 of the file, in hex.';
comment on column settlements.format is 'How it was written: csv, camt.053.';
comment on column settlements.bytes is 'Its length.';
comment on column settlements.lines is 'Payments that it tells of, each counted once.';
comment on column settlements.unnamed is 'What it tells of no payment: it carries no name, and is not compared.';
comment on column settlements.window_from is 'The day of its earliest line (UTC).';
comment on column settlements.window_to is 'The end of the day of its latest line (UTC).';
comment on column settlements.uploaded_by is 'Whose key brought it: {key, name}; none on the command line.';
comment on column settlements.uploaded_at is 'When it came (UTC).';

create table settlement_lines (
    settlement_id uuid not null,
    number        bigint not null check (number >= 1),
    line          jsonb not null,
    primary key (settlement_id, number)
);

comment on table settlement_lines is 'What settlement files say, payment by payment: never changed.';
comment on column settlement_lines.settlement_id is 'Which file: settlements.settlement_id. Lines are kept before their file is.';
comment on column settlement_lines.number is 'Its place among the lines of the file, from 1.';
comment on column settlement_lines.line is 'What it says: {number, ids, references, money, fee, at}.';

create table settled_payments (
    payment_id    uuid primary key,
    settlement_id uuid not null
);

comment on table settled_payments is 'Payments that a settlement file tells of.';
comment on column settled_payments.payment_id is 'Which payment: payments.payment_id.';
comment on column settled_payments.settlement_id is 'The first file that tells of it: settlements.settlement_id.';

alter table reconciliations
    add column against text not null default 'list' check (against in ('list', 'settlement'));
comment on column reconciliations.against is
    'What our payments are held against: the gateway''s list, or a settlement file, whose name is that of the run.';

-- A file is compared under its own name, whichever other runs there are about its days.
drop index reconciliations_open;
create unique index reconciliations_open on reconciliations (shop, window_from, window_to)
    where finished_at is null and against = 'list';

alter table breaks drop constraint breaks_kind_check;
alter table breaks add constraint breaks_kind_check
    check (kind in ('missing-at-gateway', 'missing-here', 'state-differs', 'amount-differs', 'currency-differs',
                    'surplus', 'late-success', 'unmatched-webhook', 'not-settled', 'settled-unknown',
                    'settled-differs', 'fee-differs'));
create index breaks_of_settlements on breaks (payment_id)
    where state = 'open' and kind in ('not-settled', 'settled-unknown', 'settled-differs', 'fee-differs');
