-- Random members of indexes: KEYS[1] is the checkpoint; ARGV: how many of all together, then the indexes,
-- each of which gives as large a share of its members as the others do. Answers the state, then a list
-- for each.
local total, answer = 0, { redis.call("HGET", KEYS[1], "state") }
for at = 2, #ARGV do
  total = total + redis.call("ZCARD", ARGV[at])
end
for at = 2, #ARGV do
  local share = math.ceil(tonumber(ARGV[1]) * redis.call("ZCARD", ARGV[at]) / math.max(total, 1))
  answer[#answer + 1] = redis.call("ZRANDMEMBER", ARGV[at], share)
end
return answer
