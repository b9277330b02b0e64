-- What was named in an operation and is not settled after it failed again.
update dead_letters set failed_again_by = %(operation)s
where generation = %(generation)s and position = any(%(named)s::bigint[]) and resolution is null
