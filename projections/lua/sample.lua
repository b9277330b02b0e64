-- A document and where it stands, at one moment: KEYS are the checkpoint and the document; ARGV are
-- indexes and members, in pairs. Answers the checkpoint's state and position, the document or false, and for
-- each pair the score or false.
local answer = redis.call("HMGET", KEYS[1], "state", "position")
answer[3] = redis.call("GET", KEYS[2])
for at = 1, #ARGV, 2 do
  answer[#answer + 1] = redis.call("ZSCORE", ARGV[at], ARGV[at + 1])
end
return answer
