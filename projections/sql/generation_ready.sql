-- This generation is in use from now on.
update generations set state = 'ready', ready_at = clock_timestamp() where id = %(generation)s
