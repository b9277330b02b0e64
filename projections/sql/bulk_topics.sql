-- The events of some types, in streams from one name up to another.
select originator_id, originator_version, notification_id, topic, state, timestamptz_send(recorded_at)
from stored_events
where originator_id >= %(low)s and originator_id < %(high)s and notification_id <= %(end)s
  and topic = any(%(topics)s::text[])
order by originator_id, originator_version
