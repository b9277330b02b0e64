-- Several streams, each from the version on that is known of it, in order.
select e.originator_id, e.originator_version, e.notification_id, e.topic, e.state, e.event_id::text, e.recorded_at,
       e.actor_id, e.actor_role, e.dialect, e.request_id, e.causation_id, e.command
from unnest(%s::text[], %s::bigint[]) as known(stream, version)
cross join lateral (
    select * from stored_events s
    where s.originator_id = known.stream and s.originator_version >= known.version
    -- A subquery with an order is planned by itself: one look into the index for each stream.
    order by s.originator_version
) e
