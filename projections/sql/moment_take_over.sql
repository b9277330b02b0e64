-- Build again what its builder left half done, or what Redis lost.
update moments
set state = 'building', epoch = epoch + 1, asked_by = %(asked_by)s,
    until = clock_timestamp() + make_interval(secs => %(ttl_s)s::double precision)
where number = %(number)s and epoch = %(epoch)s
returning number, epoch
