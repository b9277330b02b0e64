-- The model is whole; no row when somebody else builds it by now.
update moments set state = 'ready', used_at = clock_timestamp()
where number = %(number)s and epoch = %(epoch)s and state = 'building'
returning number
