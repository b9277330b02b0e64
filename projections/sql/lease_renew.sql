-- Hold the lease for longer; no row when another owner has it by now. The standby is not waited for: should it take
-- over without this, the lease ends sooner, and the next holder has a higher epoch all the same.
update projector_lease
set until = clock_timestamp() + make_interval(secs => %(ttl_s)s::double precision)
where name = %(name)s and owner = %(owner)s and epoch = %(epoch)s
  and set_config('synchronous_commit', 'local', true) = 'local'
returning epoch
