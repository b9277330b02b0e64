-- Dead letters have a way out: an operator has their events folded again, or discards them.
--
-- An event has two letters at most in a generation: about the documents that it stopped, and about those
-- from which it was held back because an earlier event had stopped them.
alter table dead_letters
    drop constraint dead_letters_generation_position_key,
    add unique (generation, position, held_back),
    -- The same for events that failed alike, without anything that they hold.
    add column cause text not null default '',
    -- Those of `documents` that stand still because of this to this day.
    add column waiting text[] not null default '{}',
    -- The position of the last retry after which the event failed again.
    add column failed_again_by bigint,
    -- What settled it, at which position that is recorded, and when it was carried out here.
    add column resolution text check (resolution in ('retried', 'discarded')),
    add column resolved_by bigint,
    add column resolved_at timestamptz,
    add check ((resolution is null) = (resolved_by is null) and (resolution is null) = (resolved_at is null));

update dead_letters set waiting = documents;

create index dead_letters_open_idx on dead_letters (generation, cause, position)
    where resolution is null and not held_back;
create index dead_letters_waiting_idx on dead_letters using gin (waiting) where resolution is null;
