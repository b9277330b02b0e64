-- Say that a model is damaged: reads stop, and its runner folds the log again.
local state = redis.call("HGET", KEYS[1], "state")
if state == "ready" or state == "filling" then
  redis.call("HSET", KEYS[1], "state", "damaged")
end
return redis.status_reply("OK")
