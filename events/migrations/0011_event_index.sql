-- Finding events by type, actor, request and payload: filled behind the log, so that appends pay nothing.
--
-- The log is cut into blocks of 1,024 positions, and blocks into segments of 256. A row says at which
-- offsets of a block a term stands, two bytes each. The segment comes first in the key, so that filling
-- works on a small part of the index, however long the log has become.
create table event_index (
    segment int   not null,
    term    int   not null,
    block   int   not null,
    offsets bytea not null,
    primary key (segment, term, block)
) with (autovacuum_vacuum_insert_scale_factor = 0.05);

-- How far the index goes, and in which log. It never stops within a block.
create table event_index_state (
    only_row    boolean primary key default true check (only_row),
    log_id      uuid not null,
    complete_to bigint not null default 0,
    event_id    uuid
);

-- How many events there are up to complete_to: by type, by category, by actor, by day (UTC).
create table event_counts (
    dimension text   not null check (dimension in ('type', 'category', 'actor', 'day')),
    value     text   collate "C" not null,
    events    bigint not null,
    primary key (dimension, value)
);

-- What an event is found by: a path and the value there, as a number. Two terms may have the same
-- number, so whatever is found has to be looked at. Numbers are equal however they are written.
create function event_term(path text, value jsonb) returns int language sql immutable parallel safe
return hashtext(path || '=' || case jsonb_typeof(value)
                               when 'number' then trim_scale(value::numeric)::text
                               else value::text end);
