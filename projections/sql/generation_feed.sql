-- Projectors feed this generation for a while, although readers go to another one.
update generations
set state = 'ready', fed_until = clock_timestamp() + make_interval(secs => %(for_s)s::double precision)
where id = %(generation)s and state <> 'removed'
