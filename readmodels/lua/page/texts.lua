-- Texts lie on shelves, in buckets of neighbouring ids (see `shelf_place`): one search of a bucket
-- looks into all its texts. A search of an index that has a shelf goes through that shelf, and looks
-- up on the shelf of all what lies only there.
local MATCHES_MAX = 2000 -- ids that are kept while counting; beyond, counting is all
local BUCKETS = 20 -- that are read at a time: with long texts, some megabytes
local BUCKET_STEPS = 50 -- which looking through one takes as long as, about
local MUCH_SMALLER = 2 -- times: each member may be in a bucket of its own, and has to be listed before

local function name_of(key)
  return string.sub(key, #prefix + #"index:" + 1)
end

-- The shelf of an index, where tags have that many digits; `searched` are buckets that need no second look.
local function shelf_of(key, digits)
  return { key = prefix .. "texts:" .. name_of(key), digits = digits, searched = {} }
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

local whole = shelf_of(universe, query.tag_digits_all)

-- The condition that has a shelf, that shelf, and the index of those whose text is not there.
local function shelved()
  for _, condition in ipairs(all) do
    if condition.key and condition.key ~= universe then
      local own = shelf_of(condition.key, query.tag_digits_some)
      local rest = index(string.gsub(name_of(condition.key), ":", ":elsewhere:", 1))
      if redis.call("EXISTS", own.key, rest) > 0 then
        return condition, own, rest
      end
    end
  end
  -- Whatever the conditions are, all texts together may be quicker than one after the other.
  return all[1].key == universe and all[1] or one_of(universe), whole, nil
end

local base, shelf, elsewhere, elsewhere_size = nil, nil, nil, 0
if query.text then
  base, shelf, elsewhere = shelved()
  elsewhere_size = elsewhere and redis.call("ZCARD", elsewhere) or 0
  note_marks()
end

local decimals = {}
for first = 0, 9 do
  decimals[string.char(245 + first)] = tostring(first)
  for second = 0, 9 do
    decimals[string.char(245 + first, 245 + second)] = first .. second
  end
end

-- The member with a tag in a bucket; an id has no zero before it.
local function member_at(bucket, tag)
  local id = decimals[tag]
  id = bucket == "0" and string.match(id, "^0*(.+)$") or bucket .. id
  return string.char(96 + math.min(#id, 26)) .. id
end

-- The buckets of the members that are not in a set yet; they are from now on.
local function buckets_of(members, digits, seen)
  local new = {}
  for _, member in ipairs(members) do
    local bucket = #member > digits + 1 and string.sub(member, 2, -1 - digits) or "0"
    if not seen[bucket] then
      seen[bucket] = true
      new[#new + 1] = bucket
    end
  end
  return new
end

local function is_marked(blob, before)
  for _, wanted in ipairs(wanted_marks) do
    if string.byte(blob, before + wanted[1]) ~= wanted[2] then
      return false
    end
  end
  return true
end

-- Call visit(bucket, tag) for each text in a bucket that the needle is in and that has the wanted marks.
local function search(bucket, blob, digits, visit)
  local find, sub, needle, is_any = string.find, string.sub, query.text, #wanted_marks == 0
  local at = find(blob, needle, 1, true)
  while at do
    local stop = find(blob, "\255", at, true)
    if is_any or is_marked(blob, stop + digits) then
      visit(bucket, sub(blob, stop + 1, stop + digits))
    end
    at = find(blob, needle, stop + digits + 1, true)
  end
end

local function search_buckets(on, buckets, visit)
  for from = 1, #buckets, BUCKETS do
    local to = math.min(from + BUCKETS - 1, #buckets)
    step((to - from + 1) * BUCKET_STEPS)
    local blobs = redis.call("HMGET", on.key, unpack(buckets, from, to))
    for at = 1, #blobs do
      if blobs[at] then
        search(buckets[from + at - 1], blobs[at], on.digits, visit)
      end
    end
  end
end

-- Call visit(bucket, tag) for each text that matches, on the shelf and elsewhere.
local function each_match(visit)
  search_buckets(shelf, redis.call("HKEYS", shelf.key), visit)
  local members, is_there = elsewhere and ranked(elsewhere, 0, elsewhere_size - 1) or {}, {}
  for _, member in ipairs(members) do
    is_there[member] = true
  end
  search_buckets(whole, buckets_of(members, whole.digits, {}), function(bucket, tag)
    if is_there[member_at(bucket, tag)] then
      visit(bucket, tag)
    end
  end)
end

-- How many texts match, and the members whose they are unless these are too many.
local function matches(most)
  local found, total = {}, 0
  each_match(function(bucket, tag)
    total = total + 1
    if total <= most then
      found[total] = member_at(bucket, tag)
    end
  end)
  return total, total <= most and found or nil
end

-- The same of those that satisfy the conditions as well. They are asked about while the search goes on.
local function satisfying_matches(most)
  local found, total, waiting = {}, 0, {}
  local function pass()
    for _, member in ipairs(satisfying(waiting, base, true)) do
      total = total + 1
      if total <= most then
        found[total] = member
      end
    end
    waiting = {}
  end
  each_match(function(bucket, tag)
    waiting[#waiting + 1] = member_at(bucket, tag)
    if #waiting == CHUNK then
      pass()
    end
  end)
  pass()
  return total, total <= most and found or nil
end

-- Members of searched buckets whose text matches.
local hit = {}

-- No bucket is searched twice.
local function look_up(on, members)
  search_buckets(on, buckets_of(members, on.digits, on.searched), function(bucket, tag)
    hit[member_at(bucket, tag)] = true
  end)
end

-- Those of the members whose text matches.
local function with_text(members)
  look_up(shelf, members)
  if elsewhere then
    look_up(whole, kept("ZMSCORE", elsewhere, members, exists))
  end
  return among(hit, members)
end

-- Whether something else leaves so little that looking these texts up is quicker than all the shelf.
local function is_narrow()
  return all[1].size * MUCH_SMALLER < redis.call("HLEN", shelf.key) + elsewhere_size
end

-- Whether a search of the shelf asks for all that must hold.
local function is_searched_whole()
  for _, condition in ipairs(all) do
    if condition ~= base and not condition.is_marked then
      return false
    end
  end
  return #query.without == 0
end

-- How many satisfy the query, the text included, and who they are unless these are too many.
local function searched(most)
  if is_narrow() then
    local members = with_text(list())
    return #members, members
  elseif is_searched_whole() then
    return matches(most)
  end
  return satisfying_matches(most)
end

-- All that satisfy the query.
local function matching()
  if not query.text then
    return list()
  end
  local _, members = searched(math.huge)
  return members
end

-- How many satisfy the query, and who they are if that is known by the way.
local function found()
  if query.text then
    return searched(MATCHES_MAX)
  end
  local total = count()
  if total then
    return total, nil
  end
  local members = list()
  return #members, members
end
