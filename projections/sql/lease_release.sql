-- Let the next one in at once.
update projector_lease set until = clock_timestamp()
where name = %(name)s and owner = %(owner)s and epoch = %(epoch)s
