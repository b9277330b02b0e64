-- Raise the fence of a checkpoint, so that holders of older epochs are refused from now on.
-- KEYS[1] is the checkpoint, ARGV[1] the epoch. Answers epoch, state, position, log id, event id and
-- when that event was recorded, as they are after that; all false where there is no checkpoint.
local epoch = redis.call("HGET", KEYS[1], "epoch")
if epoch and tonumber(epoch) < tonumber(ARGV[1]) then
  redis.call("HSET", KEYS[1], "epoch", ARGV[1])
end
return redis.call("HMGET", KEYS[1], "epoch", "state", "position", "log_id", "event_id",
  "recorded_at")
