-- This generation is in use from now on, if readers go to it.
update generations set state = 'ready', ready_at = clock_timestamp()
where id = %(generation)s and is_current
