-- A part of one stream in order.
select originator_id, originator_version, notification_id, topic, state, event_id::text, recorded_at,
       actor_id, actor_role, dialect, request_id, causation_id, command
from stored_events
where originator_id = %(stream)s and originator_version > %(after)s and originator_version <= %(upto)s
order by originator_version
