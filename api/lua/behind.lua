-- The positions that the reads of users wait for, and how far the read model is: KEYS are the sorted set
-- and a checkpoint, ARGV the users. Answers a list with each position or null, and the checkpoint's
-- state, position and build.
local positions = redis.call("ZMSCORE", KEYS[1], unpack(ARGV))
return { positions, redis.call("HMGET", KEYS[2], "state", "position", "build") }
