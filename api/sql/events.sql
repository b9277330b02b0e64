-- find_request: where one request came from, and how it was answered
select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), address, user_agent, method, path, status
from requests where request_id = %(request_id)s;

-- count_in_log: how many events there are, by what they are counted by: the index's counts and what came after
with index_end as (
    select s.complete_to from event_index_state s join log_identity l on l.log_id = s.log_id
    where s.complete_to = 0
       or s.event_id = (select e.event_id from stored_events e where e.notification_id = s.complete_to)
), tail as materialized (
    select e.* from stored_events e
    where e.notification_id > coalesce((select complete_to from index_end), 0)
    order by e.notification_id limit %(tail_max)s
), counts (dimension, value, events) as (
    select c.dimension, c.value, c.events from event_counts c where exists (select from index_end)
    union all
    select d.dimension, d.value, count(*)
    from tail t cross join lateral (values
        ('type', t.topic), ('category', split_part(t.originator_id, '-', 1)), ('actor', t.actor_id::text),
        ('day', to_char(t.recorded_at at time zone 'UTC', 'YYYY-MM-DD'))
    ) d (dimension, value)
    where d.value is not null group by d.dimension, d.value
), ranked as (
    select dimension, value, sum(events)::bigint as events,
           row_number() over (partition by dimension order by
               case when dimension = 'day' then value end desc, sum(events) desc, value) as rank
    from counts group by dimension, value
)
select dimension, value, events from ranked where rank <= %(rows_max)s
union all
select 'counted_to', '', coalesce((select max(notification_id) from tail), (select complete_to from index_end), 0)
union all
select 'indexed_to', '', coalesce((select complete_to from index_end), 0)
order by 1, 3 desc, 2;

-- measure_log: where the log ends, when it began and was last added to, and what it takes on disk
select coalesce(last.position, 0), first.at, last.at, pg_total_relation_size('stored_events'),
       pg_total_relation_size('event_index') + pg_total_relation_size('event_counts'),
       pg_database_size(current_database())
from (select 1) as one
left join lateral (select to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
                   from stored_events order by notification_id limit 1) first on true
left join lateral (select notification_id as position,
                          to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
                   from stored_events order by notification_id desc limit 1) last on true;

-- export_user_keys: some of the keys of people, encrypted as they are kept
select user_id, wrapped_key, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
from user_keys where user_id > %(after)s order by user_id limit %(limit)s;
