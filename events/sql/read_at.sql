-- Single events of the log by their positions, in this order.
select originator_id, originator_version, notification_id, topic, state, event_id::text, recorded_at,
       actor_id, actor_role, dialect, request_id, causation_id, command
from stored_events where notification_id = any(%s::bigint[]) order by notification_id
