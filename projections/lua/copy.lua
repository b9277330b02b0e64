-- Copy keys of one generation to another, unless somebody took that over meanwhile.
-- KEYS[1] is the checkpoint of the copy; ARGV: epoch, prefix of the original, prefix of the copy, how many
-- entries of sorted sets and hashes are copied at once, then the keys. Answers the epoch that it finds,
-- then the keys that would be too much, each with its type: they are left to copy_part.lua.
local epoch = redis.call("HGET", KEYS[1], "epoch")
if epoch ~= ARGV[1] then
  return { epoch }
end
local from, to, entries_left = ARGV[2], ARGV[3], tonumber(ARGV[4])
local COUNTS = { zset = "ZCARD", hash = "HLEN" }
local answer = { epoch }
for at = 5, #ARGV do
  local key = ARGV[at]
  local kind = redis.call("TYPE", key).ok
  local entries = COUNTS[kind] and redis.call(COUNTS[kind], key) or 0
  if entries > entries_left then
    answer[#answer + 1] = key
    answer[#answer + 1] = kind
  else
    entries_left = entries_left - entries
    redis.call("COPY", key, to .. string.sub(key, #from + 1), "REPLACE")
  end
end
return answer
