-- The last position recorded at a moment or before it, where the log ends, and whether the moment is
-- still to come. Positions have no gaps and their moments never decrease, so halving finds it.
with recursive log as (
    select coalesce(max(notification_id), 0) as head from stored_events
), halves (low, high) as (
    select 0::bigint, log.head from log
    union all
    select case when middle.is_before then middle.position else halves.low end,
           case when middle.is_before then halves.high else middle.position - 1 end
    from halves cross join lateral (
        -- The limit keeps this a look-up: a join might read the whole table.
        select e.notification_id as position, e.recorded_at <= %(at)s::timestamptz as is_before
        from stored_events e where e.notification_id = (halves.low + halves.high + 1) / 2 limit 1
    ) middle
    where halves.low < halves.high
)
select halves.low, log.head, %(at)s::timestamptz > clock_timestamp()
from halves, log where halves.low = halves.high
