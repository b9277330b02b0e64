-- What somebody may see today among the documents of a moment: those of ARGV that were listed then.
-- KEYS are the checkpoint of the moment, the index to write, and the index of all listed documents;
-- ARGV: seconds until it expires, then the members. Answers 0 where the moment is gone.
if redis.call("EXISTS", KEYS[1]) == 0 then
  return 0
end
redis.call("DEL", KEYS[2])
for from = 2, #ARGV, 1000 do
  local words = {}
  for at = from, math.min(from + 999, #ARGV) do
    words[#words + 1] = 0
    words[#words + 1] = ARGV[at]
  end
  redis.call("ZADD", KEYS[2], unpack(words))
end
redis.call("ZINTERSTORE", KEYS[2], 2, KEYS[2], KEYS[3])
redis.call("EXPIRE", KEYS[2], ARGV[1])
return 1
