-- Counts requests of one moment in every quota of KEYS, as if they came one after the other: as many as find
-- room in all of them, the others in none.
--
-- ARGV holds each quota's amount and its window in seconds, in the order of KEYS, and last how many
-- requests there are. A window begins with the first request that is counted in it. The answer: how
-- many were counted; this server's time; then for each quota how many it had counted before and when its
-- window ends (now, where none has begun).
-- Times are Unix milliseconds.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local counted, used, ends = tonumber(ARGV[#ARGV]), {}, {}
for place, key in ipairs(KEYS) do
  used[place] = tonumber(redis.call('GET', key) or '0')
  ends[place] = redis.call('PEXPIRETIME', key)
  if ends[place] < 0 then
    used[place], ends[place] = 0, now
  end
  counted = math.max(0, math.min(counted, tonumber(ARGV[2 * place - 1]) - used[place]))
end
local answer = {counted, now}
for place, key in ipairs(KEYS) do
  if counted > 0 then
    if used[place] == 0 then
      ends[place] = now + ARGV[2 * place] * 1000
    end
    redis.call('SET', key, used[place] + counted, 'PXAT', ends[place])
  end
  answer[2 * place + 1], answer[2 * place + 2] = used[place], ends[place]
end
return answer
