-- The event at a position: where it is, when it was recorded, and which one it is.
select notification_id, to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), event_id::text
from stored_events where notification_id = %(position)s
