-- How far the gateway's list of changed payments has been read, and the pass over it that is under way. One row per shop.
create table sweeps (
    shop                text not null primary key,  -- whose
    cursor_at           integer,  -- what has changed since then, by the gateway's clock, is what a pass reads; moved only by a complete pass
    swept_at            integer,  -- when the last complete pass began that could read every item: whatever had changed before is known
    completed_at        integer,  -- when the last complete pass ended
    pass_begun_at       integer,  -- when the pass that is under way began; none between two passes
    pass_next_cursor_at integer,  -- the cursor of the next pass, once this one is complete; none if the gateway did not tell the time
    pass_offset         integer check (pass_offset >= 0),      -- how many items of the present slice of the list were read
    pass_created_before integer,  -- the present slice holds what was created before, by the gateway's clock; none for the first slice
    pass_reached_at     integer,  -- when the item was created that was read last, by the gateway's clock: where the next slice begins
    pass_unreadable     integer check (pass_unreadable >= 0),  -- how many items of this pass could not be read
    next_at             integer not null,  -- when somebody goes on with it, or begins the next pass
    lease_owner         text,     -- the process that is reading
    leased_until        integer,  -- until when others leave it alone
    epoch               integer not null check (epoch >= 0),   -- raised with each lease, so that whoever overslept is noticed
    constraint sweeps_lease check ((lease_owner is null) = (leased_until is null)),
    constraint sweeps_pass check ((pass_begun_at is null) = (pass_offset is null)
                                  and (pass_begun_at is null) = (pass_unreadable is null))
) strict, without rowid;

-- Gateway payments that a sweep saw and that belonged to no payment of ours: made by somebody else with the shop's keys,
-- or in the gateway's back office. Nothing that was seen is hidden.
create table unmatched_gateway_payments (
    shop                      text not null,  -- the shop whose keys it was seen with
    gateway_payment_id        text not null,  -- the gateway's name for it
    payment_type              text,           -- which way its money goes, in the gateway's word
    state                     text not null,  -- where it stands, in the gateway's word
    reference_id              text,           -- the reference that it carries
    parent_gateway_payment_id text,           -- the gateway payment that it belongs to: a refund's deposit
    amount_whole              integer check (amount_whole >= 0),  -- what it moves or moved
    amount_nano               integer check (amount_nano between 0 and 999999999),
    amount_atto               integer check (amount_atto between 0 and 999999999),
    currency                  text,           -- the currency of the amount
    created_at                integer,        -- when the gateway made it
    seen                      text not null check (json_valid(seen)),  -- what was seen of it, without personal or card data
    first_seen_at             integer not null,  -- when it was seen first
    last_seen_at              integer not null,  -- when its latest news came
    tries                     integer not null check (tries >= 0),     -- how often it was tried to match it since then
    next_try_at               integer,        -- when that is tried next; none if it is tried no more
    payment_id                text,           -- the payment that it was matched with after all: payments.payment_id
    matched_at                integer,        -- when it was matched
    -- The id comes first, so that it can be found without its shop.
    primary key (gateway_payment_id, shop),
    constraint unmatched_gateway_payments_amount check ((currency is null) = (amount_whole is null)
                                                        and (currency is null) = (amount_nano is null)
                                                        and (currency is null) = (amount_atto is null)),
    constraint unmatched_gateway_payments_matched check ((payment_id is null) = (matched_at is null))
) strict, without rowid;

create index unmatched_gateway_payments_due on unmatched_gateway_payments (next_try_at) where next_try_at is not null;
create index unmatched_gateway_payments_open on unmatched_gateway_payments (first_seen_at) where payment_id is null;
