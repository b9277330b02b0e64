-- The log: every event that was ever accepted, in one order without gaps. Rows are only ever added.
-- The first five columns are the table layout of the eventsourcing library, so its recorder can read us.
create table stored_events (
    originator_id      text collate "C" not null,
    originator_version bigint not null check (originator_version > 0),
    topic              text not null,
    state              bytea not null,
    notification_id    bigint not null check (notification_id > 0),
    event_id           uuid not null default gen_random_uuid(),
    recorded_at        timestamptz not null default clock_timestamp(),
    actor_id           bigint,
    actor_role         text,
    dialect            text,
    request_id         text,
    causation_id       text,
    command            text,
    primary key (originator_id, originator_version)
);

create unique index stored_events_notification_id_idx on stored_events (notification_id);

-- A moment names a position: recorded_at never decreases, which is what BRIN likes.
create index stored_events_recorded_at_idx on stored_events
    using brin (recorded_at) with (pages_per_range = 32, autosummarize = on);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the log takes new events only: % on % is refused', tg_op, tg_table_name
        using errcode = 'restrict_violation',
              hint = 'Correct a mistake by appending an event that says so.';
end $$;

create trigger stored_events_are_forever
    before update or delete or truncate on stored_events
    for each statement execute function refuse_change();

-- ALWAYS: also in sessions that switch triggers off with session_replication_role.
alter table stored_events enable always trigger stored_events_are_forever;

-- Which log this is. A copy that must count as another log gets another id.
create table log_identity (
    only_row boolean primary key default true check (only_row),
    log_id   uuid not null default gen_random_uuid()
);
insert into log_identity default values;

-- One row per command that was admitted or, with its answer only, refused under an idempotency key.
-- position is null for a refusal; status, headers and body are the answer that a repetition gets.
create table commands (
    command_id  text collate "C" primary key,
    fingerprint text,
    position    bigint,
    recorded_at timestamptz,
    status      smallint,
    headers     jsonb,
    body        bytea,
    created_at  timestamptz not null default clock_timestamp()
);
create index commands_created_at_idx on commands using brin (created_at) with (autosummarize = on);

-- Where a request came from: kept beside the log, so that it can be forgotten after a while.
create table requests (
    request_id text collate "C" primary key,
    at         timestamptz not null default clock_timestamp(),
    address    text,
    user_agent text,
    actor_id   bigint,
    dialect    text,
    method     text,
    path       text,
    status     smallint
);
create index requests_at_idx on requests using brin (at) with (autosummarize = on);
