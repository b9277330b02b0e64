-- Appends that say when they are recorded: a history that is made or taken over keeps its own time.
drop function append_group(
    text[], text[], bigint[], text[], text[], text[], text[], text[], text[], text[],
    int[], text[], bigint[], text[], bytea[], uuid[], int[], text[], bigint[], jsonb
);

-- Append what several commands decided, in one transaction and one round trip.
--
-- Each append is taken whole or not at all, whatever becomes of the others:
--   duplicate  its command id is known already
--   stale      a stream it writes, or guards, is at another version than it expects
--   appended   its events, command id, request and private rows are written
-- The caller puts at most one append per stream into a group, and no command id twice.
--
-- An append is recorded at the present moment, or at the one that it asks for: but never before what
-- stands before it in the log, and never in the future.
create function append_group(
    -- one element per append
    command_ids text[], fingerprints text[], actor_ids bigint[], actor_roles text[], dialects text[],
    request_ids text[], causation_ids text[], command_names text[], addresses text[], user_agents text[],
    -- one element per event, in order; event_appends counts appends from 1
    event_appends int[], streams text[], versions bigint[], topics text[], states bytea[], event_ids uuid[],
    -- one element per guard
    guard_appends int[], guard_streams text[], guard_versions bigint[],
    -- [{"append": 1, "kind": "password" | "end_sessions" | "user_key", "user_id": 7, …}, …]
    private_rows jsonb,
    -- one element per append, null for the present; last, so that a caller may know nothing of it
    asked_moments timestamptz[] default null
) returns table (append_no int, outcome text, "position" bigint, recorded_at timestamptz)
language plpgsql volatile
-- Planned while the tables were empty, a cached plan must still be right when they are huge.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
    last_position bigint;
    last_moment timestamptz;
    present timestamptz;
    outcomes text[];
    positions bigint[];
    moments timestamptz[];
begin
    -- Position order is commit order only because one group at a time gets past this line.
    -- What follows sees all that was committed before: each statement here has a snapshot of its own.
    perform pg_advisory_xact_lock(1952543859, 1);

    select e.notification_id, e.recorded_at into last_position, last_moment
        from stored_events e order by e.notification_id desc limit 1;
    last_position := coalesce(last_position, 0);
    present := clock_timestamp();

    with appends as (
        select a.* from unnest(command_ids, fingerprints, actor_ids, actor_roles, dialects,
                               request_ids, causation_ids, command_names, addresses, user_agents,
                               asked_moments)
            with ordinality as a(command_id, fingerprint, actor_id, actor_role, dialect,
                                 request_id, causation_id, command, address, user_agent, asked_moment, no)
    ), new_events as (
        select e.*, e.version - row_number() over (partition by e.append_no, e.stream order by e.no) as base
        from unnest(event_appends, streams, versions, topics, states, event_ids)
            with ordinality as e(append_no, stream, version, topic, state, event_id, no)
    ), expected as (
        select g.* from unnest(guard_appends, guard_streams, guard_versions) as g(append_no, stream, version)
        union all
        -- Versions that do not follow each other, in this order, expect what no stream is at.
        select e.append_no, e.stream, case when min(e.base) = max(e.base) then min(e.base) else -1 end
            from new_events e group by e.append_no, e.stream
    ), stale as (
        select distinct x.append_no from expected x
        where x.version <> coalesce((select s.originator_version from stored_events s
                                     where s.originator_id = x.stream
                                     order by s.originator_version desc limit 1), 0)
    ), judged as (
        select a.*, case
            -- A scalar subquery is looked up row by row; EXISTS might hash the whole table.
            when (select c.command_id from commands c where c.command_id = a.command_id) is not null
                then 'duplicate'
            when s.append_no is not null then 'stale'
            else 'appended' end as outcome
        from appends a left join stale s on s.append_no = a.no
    ), timed as (
        -- Not before any event so far: positions follow the order of the appends. Nulls count for nothing.
        select j.no, greatest(last_moment, least(j.asked_moment, present),
                              max(least(j.asked_moment, present))
                                  filter (where j.no = any(event_appends)) over (order by j.no)) as moment
        from judged j where j.outcome = 'appended'
    ), placed as (
        select e.*, t.moment, j.actor_id, j.actor_role, j.dialect, j.request_id, j.causation_id, j.command,
               last_position + row_number() over (order by e.no) as position
        from new_events e join judged j on j.no = e.append_no join timed t on t.no = e.append_no
    ), ends as (
        select p.append_no, max(p.position) as position from placed p group by p.append_no
    ), answers as (
        select j.*, t.moment,
               case when j.outcome = 'appended' then coalesce(e.position, last_position) end as position
        from judged j left join ends e on e.append_no = j.no left join timed t on t.no = j.no
    ), stored as (
        insert into stored_events
            (originator_id, originator_version, topic, state, notification_id, event_id, recorded_at,
             actor_id, actor_role, dialect, request_id, causation_id, command)
        select p.stream, p.version, p.topic, p.state, p.position, p.event_id, p.moment,
               p.actor_id, p.actor_role, p.dialect, p.request_id, p.causation_id, p.command
        from placed p order by p.position
    ), kept_commands as (
        -- How long commands and requests are kept counts from when they really came.
        insert into commands (command_id, fingerprint, position, recorded_at, created_at)
        select a.command_id, a.fingerprint, a.position, a.moment, present
        from answers a where a.outcome = 'appended'
    ), kept_requests as (
        insert into requests (request_id, at, address, user_agent, actor_id, dialect)
        select a.request_id, present, a.address, a.user_agent, a.actor_id, a.dialect
        from answers a where a.outcome = 'appended' and a.request_id is not null
        on conflict do nothing
    )
    select array_agg(a.outcome order by a.no), array_agg(a.position order by a.no),
           array_agg(a.moment order by a.no)
        into outcomes, positions, moments from answers a;

    if jsonb_array_length(private_rows) > 0 then
        perform keep_private_row(r.value, moments[(r.value->>'append')::int])
            from jsonb_array_elements(private_rows) with ordinality r
            where outcomes[(r.value->>'append')::int] = 'appended' order by r.ordinality;
    end if;

    if 'appended' = any(outcomes) then
        perform pg_notify('taskledger_events', greatest(last_position, (select max(p) from unnest(positions) p))::text);
    end if;

    return query
        select o.no::int, o.outcome, o.position, o.moment
        from unnest(outcomes, positions, moments) with ordinality as o(outcome, position, moment, no)
        order by o.no;
end $$;
