-- The members of several indexes: ARGV is the prefix and a JSON list of their names.
local answer = {}
for at, name in ipairs(cjson.decode(ARGV[2])) do
  answer[at] = redis.call("ZRANGE", ARGV[1] .. "index:" .. name, 0, -1)
end
return answer
