-- Nothing is left of this generation in Redis. One that readers of this code go to is never removed.
update generations set state = 'removed', is_current = false, fed_until = null, retired_at = clock_timestamp()
where id = %(generation)s and not (is_current and fingerprint = %(fingerprint)s)
