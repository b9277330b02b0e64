-- Counts one request in every quota of KEYS, or in none of them where one is used up.
--
-- ARGV holds each quota's amount and its window in seconds, in the order of KEYS. A window begins
-- with the first request that is counted in it. The answer: 1 when the request was counted, else 0;
-- this server's time; then for each quota how many it has counted and when its window ends (now, where none
-- has begun).
-- Times are Unix milliseconds.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local is_free, used, ends = 1, {}, {}
for place, key in ipairs(KEYS) do
  used[place] = tonumber(redis.call('GET', key) or '0')
  ends[place] = redis.call('PEXPIRETIME', key)
  if ends[place] < 0 then
    used[place], ends[place] = 0, now
  end
  if used[place] >= tonumber(ARGV[2 * place - 1]) then
    is_free = 0
  end
end
local answer = {is_free, now}
for place, key in ipairs(KEYS) do
  if is_free == 1 then
    if used[place] == 0 then
      ends[place] = now + ARGV[2 * place] * 1000
    end
    used[place] = used[place] + 1
    redis.call('SET', key, used[place], 'PXAT', ends[place])
  end
  answer[2 * place + 1], answer[2 * place + 2] = used[place], ends[place]
end
return answer
