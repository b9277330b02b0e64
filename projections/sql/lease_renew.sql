-- Hold the lease for longer; no row when another owner has it by now.
update projector_lease
set until = clock_timestamp() + make_interval(secs => %(ttl_s)s::double precision)
where name = %(name)s and owner = %(owner)s and epoch = %(epoch)s
returning epoch
