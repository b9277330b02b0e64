-- Let the next one in at once. The standby is not waited for: without this the lease runs out there.
update projector_lease set until = clock_timestamp()
where name = %(name)s and owner = %(owner)s and epoch = %(epoch)s
  and set_config('synchronous_commit', 'local', true) = 'local'
