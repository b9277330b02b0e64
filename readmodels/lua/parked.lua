-- Which of the documents named in ARGV (`task:12`) take no further event: KEYS are checkpoint and set.
local answer = redis.call("HMGET", KEYS[1], "state", "position", "build")
answer[4] = redis.call("SMISMEMBER", KEYS[2], unpack(ARGV))
return answer
