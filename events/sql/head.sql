-- The position of the last event.
select coalesce((select notification_id from stored_events order by notification_id desc limit 1), 0)
