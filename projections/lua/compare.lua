-- What some keys hold, at one moment: KEYS[1] is the checkpoint; ARGV: how many elements a key may hold
-- to be told whole, how many are told at most, then the keys, of which the first ones are told.
-- Answers the checkpoint's state and position, then for each key its type and what it holds: a text, or a
-- list as Redis tells it; of a larger one the type is "large", followed by the real one.
local large, budget = tonumber(ARGV[1]), tonumber(ARGV[2])
local SIZE = { zset = "ZCARD", hash = "HLEN", set = "SCARD", list = "LLEN" }
local HELD = {
  zset = function(key) return redis.call("ZRANGE", key, 0, -1, "WITHSCORES") end,
  hash = function(key) return redis.call("HGETALL", key) end,
  set = function(key) return redis.call("SMEMBERS", key) end,
  list = function(key) return redis.call("LRANGE", key, 0, -1) end,
}

local answer = redis.call("HMGET", KEYS[1], "state", "position")
for at = 3, #ARGV do
  local key = ARGV[at]
  local kind = redis.call("TYPE", key)["ok"]
  if kind == "string" then
    answer[#answer + 1] = { kind, redis.call("GET", key) }
    budget = budget - 1
  elseif SIZE[kind] then
    local size = redis.call(SIZE[kind], key)
    if size > large then
      answer[#answer + 1] = { "large", kind }
      budget = budget - 1
    else
      answer[#answer + 1] = { kind, HELD[kind](key) }
      budget = budget - size
    end
  else
    answer[#answer + 1] = { kind, "" }
  end
  if budget <= 0 then
    break
  end
end
return answer
