-- Remove keys of a generation, unless somebody took it over meanwhile.
-- KEYS[1] is the checkpoint, which stays; ARGV: the epoch, then the keys. Answers the epoch it finds.
local epoch = redis.call("HGET", KEYS[1], "epoch")
if epoch == ARGV[1] then
  for at = 2, #ARGV do
    if ARGV[at] ~= KEYS[1] then
      redis.call("UNLINK", ARGV[at])
    end
  end
end
return epoch
