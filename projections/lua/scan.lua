-- Some elements of a large key, as SCAN goes through it: KEYS are the checkpoint and the key, ARGV its
-- type, the cursor and about how many. Answers the checkpoint's state and position, the next cursor, and
-- elements with their scores or values; those of a set alone. A key of another type has no elements.
local ASKED = { zset = "ZSCAN", hash = "HSCAN", set = "SSCAN" }
local answer = redis.call("HMGET", KEYS[1], "state", "position")
local is_other = redis.call("TYPE", KEYS[2])["ok"] ~= ARGV[1]
local found = is_other and { "0", {} } or redis.call(ASKED[ARGV[1]], KEYS[2], ARGV[2], "COUNT", ARGV[3])
answer[3], answer[4] = found[1], found[2]
return answer
