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

-- A tag's digits as bytes that are in no text, and a number by which tags are in order.
local function tag_bytes(digits)
  return (string.gsub(digits, "%d", function(digit)
    return string.char(string.byte(digit) + 197)
  end))
end

local function order(tag)
  local first, second = string.byte(tag, 1, 2)
  return second and first * 256 + second or first
end

-- Where the text with a tag begins and where its marks end, or, with nothing between, where it belongs.
local function range_of(blob, tag)
  local start, stop = 1, string.find(blob, "\255", 1, true)
  while stop do
    local found = string.sub(blob, stop + 1, stop + #tag)
    if order(found) > order(tag) then
      return start, start - 1
    end
    local next_start = string.find(blob, "[^\245-\255]", stop) or #blob + 1
    if found == tag then
      return start, next_start - 1
    end
    start, stop = next_start, string.find(blob, "\255", next_start, true)
  end
  return start, start - 1
end

-- SHELVE key bucket, then tags, marks and texts: see `shelf_place`. Equal contents are equal bytes.
local function shelve(command)
  local key, bucket = command[2], command[3]
  local blob = redis.call("HGET", key, bucket) or ""
  for at = 4, #command, 3 do
    local tag, marks, text = tag_bytes(command[at]), tag_bytes(command[at + 1]), command[at + 2]
    local first, last = range_of(blob, tag)
    local record = text == "" and "" or text .. "\255" .. tag .. marks
    blob = string.sub(blob, 1, first - 1) .. record .. string.sub(blob, last + 1)
  end
  if blob == "" then
    redis.call("HDEL", key, bucket)
  else
    redis.call("HSET", key, bucket, blob)
  end
end

-- MARK key bucket, then tags and marks of texts that lie there. Nothing else of the bucket changes.
local function mark(command)
  local key, bucket = command[2], command[3]
  local blob = redis.call("HGET", key, bucket)
  for at = 4, #command, 2 do
    local tag, marks = tag_bytes(command[at]), tag_bytes(command[at + 1])
    local first, last = range_of(blob, tag)
    assert(first <= last, "a text to be marked is not where it should lie")
    blob = string.sub(blob, 1, last - #marks) .. marks .. string.sub(blob, last + 1)
  end
  redis.call("HSET", key, bucket, blob)
end

-- A script that fails halfway keeps what it wrote. Then this state stays, and nobody reads half a batch.
redis.call("HSET", KEYS[1], "epoch", ARGV[1], "state", "torn")
for _, command in ipairs(cjson.decode(ARGV[10])) do
  if command[1] == "SHELVE" then
    shelve(command)
  elseif command[1] == "MARK" then
    mark(command)
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
