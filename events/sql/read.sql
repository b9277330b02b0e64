-- A slice of the log in position order.
select originator_id, originator_version, notification_id, topic, state, event_id::text, recorded_at,
       actor_id, actor_role, dialect, request_id, causation_id, command
from stored_events where notification_id > %s order by notification_id limit %s
