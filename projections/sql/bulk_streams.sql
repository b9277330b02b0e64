-- Whole streams in their order, as far as the log went at a position: those from one name up to another.
select originator_id, originator_version, notification_id, topic, state, timestamptz_send(recorded_at)
from stored_events
where originator_id >= %(low)s and originator_id < %(high)s and notification_id <= %(end)s
order by originator_id, originator_version
