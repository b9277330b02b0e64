-- Readers go to this generation from now on. It is of the same code as the one that they left.
update generations set is_current = true, state = 'ready', ready_at = clock_timestamp(), fed_until = null
where id = %(generation)s and state <> 'removed'
  and fingerprint = (select fingerprint from generations where id = %(left)s)
