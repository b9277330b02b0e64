-- The wrapped keys of users that have one.
select user_id, wrapped_key from user_keys where user_id = any(%(users)s::bigint[])
