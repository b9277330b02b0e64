-- watch_ledger: what the tables say of folding, for the current generation of a folding code
with current as (
    select id from generations where fingerprint = %(fingerprint)s and is_current
)
select current.id,
       (select coalesce(max(notification_id), 0) from stored_events),
       (select topic = 'operator.projection_paused' from stored_events
        where originator_id = 'operations'
          and topic in ('operator.projection_paused', 'operator.projection_resumed')
        order by originator_version desc limit 1),
       (select owner from projector_lease where name = 'generation-' || current.id),
       (select extract(epoch from until - clock_timestamp())::float8 from projector_lease
        where name = 'generation-' || current.id),
       (select count(*) from dead_letters d
        where d.generation = current.id and d.resolution is null and not d.held_back),
       (select count(*) from dead_letters d
        where d.generation = current.id and d.resolution is null and d.held_back)
from (select 1) one left join current on true;
-- watch_rebuild: the rebuild of a folding code that is not finished
select generation, state, done, total, coalesce(events_per_s, 0)::float8 from rebuilds
where fingerprint = %(fingerprint)s and state in ('requested', 'running', 'stopped', 'kept');
