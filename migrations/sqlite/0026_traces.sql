-- Where a payment began, for whoever follows its trace: written once, with its row. It is the traceparent (W3C Trace Context) of
-- the request that ordered it; none if nobody traced that. Never changes.
alter table payments add column trace text;
