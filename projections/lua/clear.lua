-- Begin a generation anew: its checkpoint says so before anything is removed.
-- KEYS[1] is the checkpoint; ARGV: epoch, build, log id. Answers 0 to a holder of an older epoch.
local epoch = redis.call("HGET", KEYS[1], "epoch")
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then
  return 0
end
redis.call("DEL", KEYS[1])
redis.call("HSET", KEYS[1], "epoch", ARGV[1], "build", ARGV[2], "log_id", ARGV[3],
  "state", "clearing", "position", "0", "event_id", "", "recorded_at", "",
  "recorded_score", "0")
return 1
