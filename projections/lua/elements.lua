-- What a large key holds for some of its elements: KEYS are the checkpoint and the key, ARGV its type
-- and the elements. Answers the checkpoint's state and position, then the score, value or 1 of each, or
-- false where there is none, as under a key of another type.
local ASKED = { zset = "ZMSCORE", hash = "HMGET", set = "SMISMEMBER" }
local answer = redis.call("HMGET", KEYS[1], "state", "position")
local is_other = redis.call("TYPE", KEYS[2])["ok"] ~= ARGV[1]
local found = is_other and {} or redis.call(ASKED[ARGV[1]], KEYS[2], unpack(ARGV, 2))
for at = 1, #ARGV - 1 do
  answer[#answer + 1] = (found[at] or 0) ~= 0 and found[at]
end
return answer
