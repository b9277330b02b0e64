-- Readers leave this generation; it is fed on for a while, so that they can be sent back.
update generations
set is_current = false, ready_at = coalesce(ready_at, clock_timestamp()),
    fed_until = clock_timestamp() + make_interval(secs => %(for_s)s::double precision)
where id = %(generation)s and is_current
