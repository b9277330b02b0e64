-- Texts lie on shelves, in buckets of neighbouring ids (see `shelf_place`): one search of a bucket
-- looks into all its texts.
local BUCKETS = 20 -- that are read at a time: mostly 16 kB each at most
local BUCKET_STEPS = 50 -- which looking through one takes as long as, about

local function name_of(key)
  return string.sub(key, #prefix + #"index:" + 1)
end

-- The shelf of an index. `is_there` says of buckets that have been looked for whether there is one; these
-- need no second look.
local function shelf_of(key, shape)
  return {
    key = prefix .. "texts:" .. name_of(key),
    digits = shape.digits,
    level_max = shape.level_max,
    is_there = {},
  }
end

-- What is known of a text by its marks: bytes, by their place among them.
local wanted_marks = {}

-- Conditions that marks show to be met need no index.
local function note_marks()
  for _, condition in ipairs(all) do
    local mark = condition.key and query.marks[name_of(condition.key)]
    if mark then
      wanted_marks[#wanted_marks + 1] = { mark[1], 245 + mark[2] }
      condition.is_marked = true
    end
  end
end

-- How the members of a bucket begin, and the form of what follows; an id has no zero before it.
local function forms_of(bucket, digits)
  local root = string.match(bucket, "^%d+")
  if root == "0" then
    return nil
  end
  return string.char(96 + math.min(#root + digits, 26)) .. root, "%0" .. digits .. "d"
end

local function member_of_id(id)
  return string.char(96 + #id) .. id
end

-- What a search finds: how many texts match, and the buckets and tags of the first `most` of them.
local function findings(most)
  return { total = 0, most = most, buckets = {}, tags = {} }
end

local function members_of(found, on)
  local members, bucket, before, form = {}, nil, nil, nil
  for at, tag in ipairs(found.tags) do
    if found.buckets[at] ~= bucket then
      bucket = found.buckets[at]
      before, form = forms_of(bucket, on.digits)
    end
    members[at] = before and before .. string.format(form, tag) or member_of_id(tag .. "")
  end
  return members
end

-- The bucket of some level in which a member's text may lie.
local function bucket_of(member, on, level)
  local is_long = #member > on.digits + 1
  local root = is_long and string.sub(member, 2, -1 - on.digits) or "0"
  local tag = tonumber(string.sub(member, is_long and -on.digits or 2))
  return root .. ":" .. level .. ":" .. math.floor(tag / 2 ^ level)
end

-- Whether a text whose tag ends there has the wanted marks, from one of them on.
local function is_marked(blob, tag_end, from)
  for at = from, #wanted_marks do
    local place, mark = unpack(wanted_marks[at])
    if string.byte(blob, tag_end + place) ~= mark then
      return false
    end
  end
  return true
end

-- The number that the four digits of a tag at a place are, or the one.
local function tag_at(blob, at, digits)
  local a, b, c, d = string.byte(blob, at, at + digits - 1)
  return b and a * 1000 + b * 100 + c * 10 + d - 245 * 1111 or a - 245
end

-- Find the texts in a bucket that the needle is in and that have the wanted marks. This is done for each
-- of maybe 100,000 matches, so no string is made, and little called.
local function search(bucket, blob, digits, found)
  local find, byte, needle, count = string.find, string.byte, query.text, #wanted_marks
  local place, mark = unpack(wanted_marks[1] or {})
  local total, most, buckets, tags = found.total, found.most, found.buckets, found.tags
  local at = find(blob, needle, 1, true)
  while at do
    local stop = find(blob, "\255", at, true)
    local tag_end = stop + digits
    if count == 0 or byte(blob, tag_end + place) == mark and (count == 1 or is_marked(blob, tag_end, 2)) then
      total = total + 1
      if total <= most then
        buckets[total], tags[total] = bucket, tag_at(blob, stop + 1, digits)
      end
    end
    at = find(blob, needle, tag_end + 1, true)
  end
  found.total = total
end

-- Search some buckets at a time; `read` is called behind each time with what was asked for and read.
local function search_buckets(on, buckets, found, read)
  for from = 1, #buckets, BUCKETS do
    local to = math.min(from + BUCKETS - 1, #buckets)
    step((to - from + 1) * BUCKET_STEPS)
    local blobs = redis.call("HMGET", on.key, unpack(buckets, from, to))
    for at, blob in ipairs(blobs) do
      if blob then
        search(buckets[from + at - 1], blob, on.digits, found)
      end
    end
    if read then
      read(from, blobs)
    end
  end
end

-- Search the buckets of a level in which members' texts may lie; answers those whose are on lower ones.
local function search_level(on, members, level, found)
  local new, asked = {}, {}
  for _, member in ipairs(members) do
    local bucket = bucket_of(member, on, level)
    if on.is_there[bucket] == nil and not asked[bucket] then
      asked[bucket] = true
      new[#new + 1] = bucket
    end
  end
  search_buckets(on, new, found, function(from, blobs)
    for at, blob in ipairs(blobs) do
      on.is_there[new[from + at - 1]] = blob ~= false
    end
  end)
  local left = {}
  for _, member in ipairs(members) do
    if not on.is_there[bucket_of(member, on, level)] then
      left[#left + 1] = member
    end
  end
  return left
end

-- The members in the buckets of some members whose text matches, but for buckets that have been searched.
local function matches_around(on, members)
  local found, level = findings(math.huge), on.level_max
  while level >= 0 and #members > 0 do
    members = search_level(on, members, level, found)
    level = level - 1
  end
  return members_of(found, on)
end
