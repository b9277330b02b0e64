-- Say that a model is damaged: reads stop, and its runner folds the log again.
-- KEYS[1] is the checkpoint; ARGV[1], if given, is the build that is meant, which may be gone by now.
local state, build = unpack(redis.call("HMGET", KEYS[1], "state", "build"))
if (state == "ready" or state == "filling") and (not ARGV[1] or ARGV[1] == build) then
  redis.call("HSET", KEYS[1], "state", "damaged")
end
return redis.status_reply("OK")
