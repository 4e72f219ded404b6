-- Where a payment began, for whoever follows its trace: written once, with its row.

alter table payments add column trace text;

comment on column payments.trace is 'Where it began, for whoever follows a trace: the traceparent (W3C Trace Context) of the request that ordered it; none if nobody traced that. Never changes.';
