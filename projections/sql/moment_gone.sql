-- Nothing is left of the model in Redis.
delete from moments where number = %(number)s and state = 'removing'
