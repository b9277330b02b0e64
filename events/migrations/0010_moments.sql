-- Read models that end at a position, made when somebody asks for the past and removed when nobody
-- does any more. All their keys in Redis begin with `{tl:m<number>}:`. Who builds one holds a lease by
-- this clock; the epoch fences off a builder who lost it without noticing.
create table moments (
    number      bigint generated always as identity primary key,
    position    bigint not null check (position >= 0),
    event_id    uuid,
    fingerprint text not null,
    state       text not null default 'building' check (state in ('building', 'ready', 'removing')),
    epoch       bigint not null default 1,
    asked_by    bigint not null,
    until       timestamptz not null,
    used_at     timestamptz not null default clock_timestamp()
);

-- One model of one past by one folding code; position 0 has no event.
create unique index moments_place_idx on moments (position, fingerprint, event_id) nulls not distinct
    where state <> 'removing';
