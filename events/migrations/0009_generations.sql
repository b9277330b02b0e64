-- Several generations of one folding code: readers go to the current one, others are built beside it,
-- and the one that was left is fed until a moment, so that readers can be sent back to it.
alter table generations
    add column is_current boolean not null default false,
    add column fed_until  timestamptz;
update generations set is_current = true where state <> 'removed';
drop index generations_fingerprint_idx;
create unique index generations_current_idx on generations (fingerprint) where is_current;
create index generations_living_idx on generations (fingerprint) where state <> 'removed';

-- Generations that operators have folded beside the live one: to take its place, or only to check it.
-- runs_in says who folds: a command in its own process, or the projector.
create table rebuilds (
    id               bigint generated always as identity primary key,
    fingerprint      text not null,
    generation       bigint not null references generations (id),
    purpose          text not null check (purpose in ('rebuild', 'verification')),
    runs_in          text not null check (runs_in in ('command', 'projector')),
    switch_if        text not null check (switch_if in ('equal', 'always', 'never')),
    state            text not null default 'requested'
                     check (state in ('requested', 'running', 'stopped', 'kept', 'done', 'cancelled', 'failed')),
    phase            text not null default '',
    done             bigint not null default 0,
    total            bigint not null default 0,
    events_per_s     double precision,
    asked_by         bigint,
    reason           text not null,
    is_cancelled     boolean not null default false,
    report           jsonb,
    error            text,
    created_at       timestamptz not null default clock_timestamp(),
    started_at       timestamptz,
    finished_at      timestamptz
);
create unique index rebuilds_unfinished_idx on rebuilds (fingerprint)
    where state in ('requested', 'running', 'stopped', 'kept');
