-- The streams of the events at some positions, in order: where to divide the log.
select originator_id from stored_events where notification_id = any(%(positions)s::bigint[])
order by originator_id
