-- Documents by kind and id: KEYS[1] is the checkpoint; ARGV is the prefix and a JSON list of kind,
-- id, kind, id, … Answers the checkpoint's state, position and build, then a JSON list with each
-- document or null, and how many documents are parked. A document that is missing though it is listed
-- is damage: the state says so.
local prefix, asked = ARGV[1], cjson.decode(ARGV[2])
local answer = redis.call("HMGET", KEYS[1], "state", "position", "build")
local found = {}
for at = 1, #asked, 2 do
  local kind, id = asked[at], asked[at + 1]
  local document = redis.call("GET", prefix .. "document:" .. kind .. ":" .. id)
  if not document then
    local member = string.char(96 + math.min(#id, 26)) .. id
    if redis.call("ZSCORE", prefix .. "index:" .. kind .. ":sort:id", member) then
      answer[1] = "damaged"
    end
  end
  found[#found + 1] = document or "null"
end
answer[4] = "[" .. table.concat(found, ",") .. "]"
answer[5] = redis.call("SCARD", prefix .. "parked")
return answer
