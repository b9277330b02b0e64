-- Index the events after one position up to another, both of them ends of blocks.
with recursive batch as materialized (
    select e.notification_id - 1 as number, e.notification_id as position, e.event_id, e.recorded_at,
           e.topic, split_part(e.originator_id, '-', 1) as category, e.actor_id, e.request_id, e.causation_id,
           state_as_json(e.state) as payload
    from stored_events e where e.notification_id > %(after)s and e.notification_id <= %(upto)s
), leaves (number, path, value) as (
    -- Ciphertext finds nobody: what identifies a person stays out.
    select b.number, 'data'::text,
           case jsonb_typeof(b.payload) when 'object' then b.payload - '{personal,class_version}'::text[]
                                        else b.payload end
    from batch b where b.payload is not null
    union all
    -- A list stands for each of its elements.
    select l.number, case when inner_one.key is null then l.path else l.path || '.' || inner_one.key end,
           inner_one.value
    from leaves l cross join lateral (
        select o.key, o.value
        from jsonb_each(case jsonb_typeof(l.value) when 'object' then l.value else '{}' end) o
        union all
        select null, a.value
        from jsonb_array_elements(case jsonb_typeof(l.value) when 'array' then l.value else '[]' end) a
    ) inner_one
    where jsonb_typeof(l.value) in ('object', 'array')
), terms (number, term) as (
    select l.number, event_term(l.path, l.value) from leaves l where jsonb_typeof(l.value) not in ('object', 'array')
    union all
    select b.number, event_term(beside.path, to_jsonb(beside.value))
    from batch b cross join lateral (values
        ('type', b.topic), ('event', b.event_id::text), ('request', b.request_id), ('causation', b.causation_id)
    ) beside (path, value)
    where beside.value is not null
    union all
    select b.number, event_term('actor', to_jsonb(b.actor_id)) from batch b where b.actor_id is not null
), sorted (segment, term, block, place) as materialized (
    -- Sorted first, terms are put together one after the other: in a hash table each would take a kilobyte.
    select (t.number / 262144)::int, t.term, (t.number / 1024)::int, int2send((t.number %% 1024)::int2)
    from terms t order by 1, 2, 3
), indexed as (
    insert into event_index (segment, term, block, offsets)
    select s.segment, s.term, s.block, string_agg(s.place, ''::bytea)
    from sorted s group by s.segment, s.term, s.block
), counted as (
    insert into event_counts (dimension, value, events)
    select d.dimension, d.value, count(*)
    from batch b cross join lateral (values
        ('type', b.topic), ('category', b.category), ('actor', b.actor_id::text),
        ('day', to_char(b.recorded_at at time zone 'UTC', 'YYYY-MM-DD'))
    ) d (dimension, value)
    where d.value is not null group by d.dimension, d.value
    on conflict (dimension, value) do update set events = event_counts.events + excluded.events
)
update event_index_state s set complete_to = b.position, event_id = b.event_id
from batch b where b.position = %(upto)s
