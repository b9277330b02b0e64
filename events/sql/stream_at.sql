-- The version that a stream had reached at a position of the log: halving, as within the log.
with recursive stream as (
    select coalesce((select e.originator_version from stored_events e where e.originator_id = %(stream)s
                     order by e.originator_version desc limit 1), 0) as last
), halves (low, high) as (
    select 0::bigint, stream.last from stream
    union all
    select case when middle.is_before then middle.version else halves.low end,
           case when middle.is_before then halves.high else middle.version - 1 end
    from halves cross join lateral (
        select e.originator_version as version, e.notification_id <= %(position)s as is_before
        from stored_events e
        where e.originator_id = %(stream)s and e.originator_version = (halves.low + halves.high + 1) / 2 limit 1
    ) middle
    where halves.low < halves.high
)
select halves.low from halves where halves.low = halves.high
