-- The position that a user's reads wait for: KEYS[1] is the sorted set, ARGV[1] the user.
return redis.call('ZSCORE', KEYS[1], ARGV[1])
