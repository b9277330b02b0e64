-- Takes back a guess that was counted in every tally of KEYS: it was right, or nobody looked at it.
--
-- ARGV holds how many of KEYS, the first ones, are forgotten altogether. In the others the next guess may
-- come at once, as this one could.
for place, key in ipairs(KEYS) do
  local level = tonumber(redis.call('HGET', key, 'level') or '0')
  if place <= tonumber(ARGV[1]) or level <= 1 then
    redis.call('DEL', key)
  else
    redis.call('HSET', key, 'level', tostring(level - 1), 'opens', 0)
  end
end
return 0
