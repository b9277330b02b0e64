-- Texts on shelves: commands that the script carries out itself. What lies where, `shelf_place` says.
-- Both are a name, key, root, level_max and bucket_max_bytes, then what changes, in the order of tags.
local byte, find, floor, sub = string.byte, string.find, math.floor, string.sub

-- Digits as bytes that are in no text.
local function hidden(digits)
  return (string.gsub(digits, "%d", function(digit)
    return string.char(byte(digit) + 197)
  end))
end

-- The number that the four hidden digits at a place of a bucket are, or the one.
local function number_at(bucket, at, digits)
  local a, b, c, d = byte(bucket, at, at + digits - 1)
  return b and a * 1000 + b * 100 + c * 10 + d - 245 * 1111 or a - 245
end

-- How many bytes tag and marks take behind each text of a bucket, which are the same for all.
local function width_of(bucket)
  local stop = find(bucket, "\255", 1, true)
  return stop and (find(bucket, "[^\245-\255]", stop) or #bucket + 1) - stop - 1
end

-- Where the text with a tag begins and where its marks end, or, with nothing between, where it belongs;
-- texts before `from` have smaller tags.
local function range_of(bucket, tag, digits, from, width)
  if not width or number_at(bucket, #bucket - width + 1, digits) < tag then
    return #bucket + 1, #bucket
  end
  local start, stop = from, find(bucket, "\255", from, true)
  while stop do
    local found = number_at(bucket, stop + 1, digits)
    if found >= tag then
      return start, found == tag and stop + width or start - 1
    end
    start = stop + width + 1
    stop = find(bucket, "\255", start, true)
  end
  return start, start - 1
end

-- SHELVE: tags, marks and texts, "" where one goes.
local function shelved(bucket, words, from, to)
  local parts, at, width, digits = {}, 1, width_of(bucket), #words[from]
  for place = from, to, 3 do
    local tag, marks, text = words[place], words[place + 1], words[place + 2]
    local first, last = range_of(bucket, tonumber(tag), digits, at, width)
    parts[#parts + 1] = sub(bucket, at, first - 1)
    parts[#parts + 1] = text == "" and "" or text .. "\255" .. hidden(tag .. marks)
    at = last + 1
  end
  return table.concat(parts) .. sub(bucket, at)
end

-- MARK: tags and marks of texts that lie there. Nothing else of the bucket changes.
local function marked(bucket, words, from, to)
  local parts, at = {}, 1
  for place = from, to, 2 do
    local tag, marks = "\255" .. hidden(words[place]), hidden(words[place + 1])
    local _, last = find(bucket, tag, at, true)
    assert(last, "a text to be marked is not where it should lie")
    parts[#parts + 1] = sub(bucket, at, last)
    parts[#parts + 1] = marks
    at = last + #marks + 1
  end
  return table.concat(parts) .. sub(bucket, at)
end

local WORDS = { SHELVE = 3, MARK = 2 }
local CHANGED = { SHELVE = shelved, MARK = marked }

local function field(shelf, level, run)
  return shelf.root .. ":" .. level .. ":" .. run
end

-- The bucket in which the text of a tag lies or belongs: its level and run, and what it holds.
local function bucket_of(shelf, tag)
  for level = shelf.level_max, 0, -1 do
    local run = floor(tag / 2 ^ level)
    local bucket = redis.call("HGET", shelf.key, field(shelf, level, run))
    if bucket then
      return level, run, bucket
    end
  end
  return shelf.level_max, 0, ""
end

-- A bucket that has become smaller, put together with its other half while both fit into one.
local function joined(shelf, level, run, bucket)
  while level < shelf.level_max do
    local other = run % 2 == 0 and run + 1 or run - 1
    local rest = redis.call("HGET", shelf.key, field(shelf, level, other))
    if not rest or #bucket + #rest > shelf.bytes_max then
      break
    end
    redis.call("HDEL", shelf.key, field(shelf, level, run), field(shelf, level, other))
    bucket = other > run and bucket .. rest or rest .. bucket
    level, run = level + 1, floor(run / 2)
  end
  return level, run, bucket
end

-- Write a bucket, in halves while it is too large. Both halves are there, though empty.
local function put(shelf, level, run, bucket)
  local name = field(shelf, level, run)
  if #bucket > shelf.bytes_max and level > 0 then
    redis.call("HDEL", shelf.key, name)
    local half = 2 * run + 1
    local cut = range_of(bucket, half * 2 ^ (level - 1), shelf.digits, 1, width_of(bucket))
    put(shelf, level - 1, half - 1, sub(bucket, 1, cut - 1))
    put(shelf, level - 1, half, sub(bucket, cut))
  elseif bucket == "" and level == shelf.level_max then
    redis.call("HDEL", shelf.key, name)
  else
    redis.call("HSET", shelf.key, name, bucket)
  end
end

-- Carry out such a command, one bucket after the other. Equal texts become equal buckets, whatever lay
-- there before.
local function rewrite(command)
  local name, key, root, level_max, bytes_max = unpack(command, 1, 5)
  local shelf = {
    key = key, root = root, level_max = tonumber(level_max), bytes_max = tonumber(bytes_max), digits = #command[6],
  }
  local from, count = 6, WORDS[name]
  while from <= #command do
    local level, run, bucket = bucket_of(shelf, tonumber(command[from]))
    local to = from
    while command[to + count] and floor(tonumber(command[to + count]) / 2 ^ level) == run do
      to = to + count
    end
    local after = CHANGED[name](bucket, command, from, to)
    if #after < #bucket then
      level, run, after = joined(shelf, level, run, after)
    end
    put(shelf, level, run, after)
    from = to + count
  end
end
