-- What the gateway told of what payments were paid with: tokens with which somebody could be charged again, and what a
-- customer recognises a card or an account by. Encrypted as a whole.
create table payment_means (
    payment_id text not null primary key,  -- whose: payments.payment_id
    body       blob not null,              -- all of it, encrypted; the first sixteen bytes belong to the nonce
    kept_at    integer not null            -- when it was last told anew
) strict;
