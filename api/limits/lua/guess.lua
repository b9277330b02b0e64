-- Counts a guess at a password in every tally of KEYS, or in none where one of them has to wait.
--
-- A tally holds `level`, the guesses counted, of which one is forgotten each so often; `at`, when it was
-- counted last; `opens`, when the next guess may come. ARGV holds for each of KEYS how many guesses are
-- free, how many milliseconds the longest wait takes, after which one guess is forgotten, too, and the first.
-- The answer: which of KEYS has to wait longest (0 for none), and for how many milliseconds.
-- Times are Unix milliseconds of this server.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local blocking, wait, levels = 0, 0, {}
for place, key in ipairs(KEYS) do
  local tally = redis.call('HMGET', key, 'level', 'at', 'opens')
  local level = tonumber(tally[1] or '0')
  local passed = now - tonumber(tally[2] or now)
  levels[place] = math.max(0, level - math.max(0, passed) / ARGV[3 * place - 1])
  -- A clock that was set back must not make anybody wait longer than the longest wait.
  local left = math.min(tonumber(tally[3] or '0') - now, tonumber(ARGV[3 * place - 1]))
  if left > wait then
    blocking, wait = place, left
  end
end
if blocking > 0 then
  return {blocking, wait}
end
for place, key in ipairs(KEYS) do
  local free, longest, first = unpack(ARGV, 3 * place - 2, 3 * place)
  local level, opens = levels[place] + 1, now
  if level > free - 1 then
    opens = now + math.min(tonumber(longest), math.floor(first * 2 ^ math.max(0, level - free)))
  end
  redis.call('HSET', key, 'level', tostring(level), 'at', now, 'opens', opens)
  redis.call('PEXPIRE', key, math.ceil(level * longest))
end
return {0, 0}
