-- Copy a part of a long sorted set or hash, which does not change meanwhile.
-- KEYS are the checkpoint of the copy, the original and the copy; ARGV: epoch, type, cursor (a rank, or what
-- HSCAN answered) and how many entries to copy. Answers the epoch that it finds and the next cursor, 0 at the end.
local epoch = redis.call("HGET", KEYS[1], "epoch")
if epoch ~= ARGV[1] then
  return { epoch }
end
local cursor, count = ARGV[3], tonumber(ARGV[4])
local words, name, next_cursor = {}, "HSET", "0"
if ARGV[2] == "hash" then
  next_cursor, words = unpack(redis.call("HSCAN", KEYS[2], cursor, "COUNT", count))
else
  local first = tonumber(cursor)
  local found = redis.call("ZRANGE", KEYS[2], first, first + count - 1, "WITHSCORES")
  for at = 1, #found, 2 do
    words[at], words[at + 1] = found[at + 1], found[at]
  end
  name, next_cursor = "ZADD", #found == 2 * count and tostring(first + count) or "0"
end
for from = 1, #words, 2000 do
  redis.call(name, KEYS[3], unpack(words, from, math.min(from + 1999, #words)))
end
return { epoch, next_cursor }
