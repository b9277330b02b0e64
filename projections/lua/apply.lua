-- Write a batch of changes and move the checkpoint KEYS[1], or refuse both.
-- ARGV: epoch, expected state, expected position, new state, new position, last event id, when
-- it was recorded, the same as a score, channel, then the commands as a JSON list of lists of words.
-- Answers the outcome and, when refused, what the checkpoint says: absent, stale, moved or applied.
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

-- A script that fails halfway keeps what it wrote. Then this state stays, and nobody reads half a batch.
redis.call("HSET", KEYS[1], "epoch", ARGV[1], "state", "torn")
for _, command in ipairs(cjson.decode(ARGV[10])) do
  if CHANGED[command[1]] then
    rewrite(command)
  else
    redis.call(unpack(command))
  end
end
redis.call("HSET", KEYS[1], "state", ARGV[4], "position", ARGV[5], "event_id", ARGV[6],
  "recorded_at", ARGV[7], "recorded_score", ARGV[8])
if ARGV[4] == "ready" then
  redis.call("PUBLISH", ARGV[9], now[4] .. " " .. ARGV[5])
end
return { "applied" }
