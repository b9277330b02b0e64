-- Letters that keep no document any more are settled: those about documents just folded again, and those
-- about events at `positions`, which stopped no document that there is.
update dead_letters
set resolution = %(resolution)s, resolved_by = %(operation)s, resolved_at = clock_timestamp()
where generation = %(generation)s and position < %(operation)s and resolution is null and waiting = '{}'
  and (documents && %(documents)s::text[] or position = any(%(positions)s::bigint[]))
