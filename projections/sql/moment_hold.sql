-- Go on building; no row when somebody else does by now.
update moments set until = clock_timestamp() + make_interval(secs => %(ttl_s)s::double precision)
where number = %(number)s and epoch = %(epoch)s and state = 'building'
returning number
