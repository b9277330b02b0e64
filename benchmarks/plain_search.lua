-- A search by the plain way: list an index, fetch each text, keep what matches, sort by the number of
-- the sort index. ARGV: the index, the hash of texts by member, the sort index, the needle, how many.
local CHUNK = 1000
local members, found = redis.call("ZRANGE", ARGV[1], 0, -1), {}
for from = 1, #members, CHUNK do
  local to = math.min(from + CHUNK - 1, #members)
  for at, text in ipairs(redis.call("HMGET", ARGV[2], unpack(members, from, to))) do
    if text and string.find(text, ARGV[4], 1, true) then
      found[#found + 1] = members[from + at - 1]
    end
  end
end
local place = {}
for from = 1, #found, CHUNK do
  local to = math.min(from + CHUNK - 1, #found)
  for at, score in ipairs(redis.call("ZMSCORE", ARGV[3], unpack(found, from, to))) do
    place[found[from + at - 1]] = tonumber(score)
  end
end
table.sort(found, function(one, other)
  return place[one] > place[other]
end)
return { #found, unpack(found, 1, math.min(#found, tonumber(ARGV[5]))) }
