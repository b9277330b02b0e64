-- All members of an index in ascending order: KEYS are the checkpoint and the index.
local answer = redis.call("HMGET", KEYS[1], "state", "position", "build")
answer[4] = redis.call("ZRANGE", KEYS[2], 0, -1)
return answer
