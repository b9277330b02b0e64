-- Take the keys of people in, encrypted as they are.
copy user_keys (user_id, wrapped_key, created_at) from stdin
