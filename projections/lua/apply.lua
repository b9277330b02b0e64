-- Write a batch of changes and move the checkpoint KEYS[1], or refuse both.
-- ARGV: epoch, expected state, expected position, new state, new position, last event id, when
-- it was recorded, the same as a score, channel, what is announced behind build, new and expected position,
-- how many keys the batch takes for granted and these keys, then the commands, each as the number of its
-- words and the words.
-- Answers the outcome and, when refused, what the checkpoint says: absent, stale, moved, damaged or applied.
local now = redis.call("HMGET", KEYS[1], "epoch", "state", "position", "build")
if not now[1] then
  return { "absent" }
end
if tonumber(ARGV[1]) < tonumber(now[1]) then
  return { "stale", now[1] }
end
if now[2] ~= ARGV[2] or now[3] ~= ARGV[3] then
  return { "moved", now[2], now[3] }
end

-- More words than Lua unpacks at once.
local function words(from, to)
  local found = {}
  for place = from, to do
    found[place - from + 1] = ARGV[place]
  end
  return found
end

-- What the runner remembers is nothing to go by once Redis has lost it.
local at, granted = 12, tonumber(ARGV[11])
while at <= 11 + granted do
  local to = math.min(at + 1999, 11 + granted)
  if redis.call("EXISTS", unpack(ARGV, at, to)) <= to - at then
    redis.call("HSET", KEYS[1], "state", "damaged")
    return { "damaged", "damaged", now[3] }
  end
  at = to + 1
end

-- A script that fails halfway keeps what it wrote. Then this state stays, and nobody reads half a batch.
redis.call("HSET", KEYS[1], "epoch", ARGV[1], "state", "torn")
while at <= #ARGV do
  local to = at + tonumber(ARGV[at])
  if CHANGED[ARGV[at + 1]] then
    rewrite(words(at + 1, to))
  else
    redis.call(unpack(ARGV, at + 1, to))
  end
  at = to + 1
end
redis.call("HSET", KEYS[1], "state", ARGV[4], "position", ARGV[5], "event_id", ARGV[6],
  "recorded_at", ARGV[7], "recorded_score", ARGV[8])
if ARGV[4] == "ready" then
  redis.call("PUBLISH", ARGV[9], table.concat({ now[4], ARGV[5], ARGV[3], ARGV[10] }, " "))
end
return { "applied" }
