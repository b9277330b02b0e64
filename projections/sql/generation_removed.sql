-- Nothing is left of this generation in Redis.
update generations set state = 'removed', retired_at = clock_timestamp() where id = %(generation)s
