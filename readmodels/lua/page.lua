-- One page of a query: documents, exact total and position are read at one moment.
-- KEYS[1] is the checkpoint, ARGV the prefix and the query as JSON; see `Query` for its words.
-- Answers the checkpoint's state, position and build, the total, and a JSON list of the documents.
local prefix, query = ARGV[1], cjson.decode(ARGV[2])
local answer = redis.call("HMGET", KEYS[1], "state", "position", "build")
if answer[1] ~= "ready" then
  return answer
end

local CHUNK = 1000 -- arguments that go into one command
local universe = prefix .. "index:" .. query.kind .. ":sort:id"
local sort = prefix .. "index:" .. query.kind .. ":sort:" .. query.sort
local places = prefix .. "places:" .. query.kind .. ":sort:" .. query.sort

local function index(name)
  return prefix .. "index:" .. name
end

-- Call visit(member, value) for each member, with what the command answers for it.
local function each(command, key, members, visit)
  for from = 1, #members, CHUNK do
    local to = math.min(from + CHUNK - 1, #members)
    local values = redis.call(command, key, unpack(members, from, to))
    for at, value in ipairs(values) do
      visit(members[from + at - 1], value)
    end
  end
end

local function kept(command, key, members, test)
  local passed = {}
  each(command, key, members, function(member, value)
    if test(value) then
      passed[#passed + 1] = member
    end
  end)
  return passed
end

local function exists(value)
  return value ~= false
end

-- A condition knows how many members it may have, can list them, and can keep those of a list.
local function any_of(keys)
  local size = 0
  for _, key in ipairs(keys) do
    size = size + redis.call("ZCARD", key)
  end
  local function list()
    if #keys == 1 then
      return redis.call("ZRANGE", keys[1], 0, -1)
    end
    local seen, all = {}, {}
    for _, key in ipairs(keys) do
      for _, member in ipairs(redis.call("ZRANGE", key, 0, -1)) do
        if not seen[member] then
          seen[member] = true
          all[#all + 1] = member
        end
      end
    end
    return all
  end
  local function keep(members)
    if #keys == 1 then
      return kept("ZMSCORE", keys[1], members, exists)
    end
    local set, passed = {}, {}
    for _, member in ipairs(list()) do
      set[member] = true
    end
    for _, member in ipairs(members) do
      if set[member] then
        passed[#passed + 1] = member
      end
    end
    return passed
  end
  return { size = size, list = list, keep = keep }
end

local function inside(range)
  local low = range.minimum == "-inf" and -math.huge or tonumber(range.minimum)
  local high = range.maximum == "+inf" and math.huge or tonumber(range.maximum)
  return function(score)
    score = tonumber(score)
    return score ~= nil and score >= low and score <= high
  end
end

local function within(range)
  local key, test = index(range.index), inside(range)
  return {
    size = redis.call("ZCOUNT", key, range.minimum, range.maximum),
    list = function()
      return redis.call("ZRANGE", key, range.minimum, range.maximum, "BYSCORE")
    end,
    keep = function(members)
      return kept("ZMSCORE", key, members, test)
    end,
  }
end

local function conditions()
  local all = {}
  for _, group in ipairs(query.where) do
    local keys = {}
    for _, name in ipairs(group) do
      keys[#keys + 1] = index(name)
    end
    all[#all + 1] = any_of(keys)
  end
  if query.through then
    local keys = {}
    for _, name in ipairs(query.through.also) do
      keys[#keys + 1] = index(name)
    end
    for _, member in ipairs(redis.call("ZRANGE", index(query.through.index), 0, -1)) do
      keys[#keys + 1] = index(query.through.prefix .. string.sub(member, 2))
    end
    all[#all + 1] = any_of(keys)
  end
  for _, range in ipairs(query.ranges) do
    all[#all + 1] = within(range)
  end
  return all
end

-- The members that satisfy the query, in no order; nil stands for everything that is listed.
local function satisfying()
  local all = conditions()
  if #all == 0 and #query.without == 0 and not query.text then
    return nil
  end
  all[#all + 1] = any_of({ universe })
  table.sort(all, function(one, other)
    return one.size < other.size
  end)
  local members = all[1].list()
  for at = 2, #all do
    members = all[at].keep(members)
  end
  for _, range in ipairs(query.without) do
    local test = inside(range)
    members = kept("ZMSCORE", index(range.index), members, function(score)
      return not test(score)
    end)
  end
  if query.text then
    members = kept("HMGET", prefix .. "text:" .. query.kind, members, function(text)
      return text and string.find(text, query.text, 1, true) ~= nil
    end)
  end
  return members
end

local function number(member)
  return tonumber(string.sub(member, 2))
end

local is_text = redis.call("EXISTS", places) == 1

-- A sort index holds members by score, or texts with members behind a NUL.
local function member_of(stored)
  return is_text and string.match(stored, "[^%z]*$") or stored
end

-- The ranks, from 0, of the first and last that stand where `stored` stands.
local function ranks_of(stored, score)
  if not is_text then
    local first = redis.call("ZCOUNT", sort, "-inf", "(" .. score)
    return first, first + redis.call("ZCOUNT", sort, score, score) - 1
  end
  local text = string.sub(stored, 1, -1 - #member_of(stored))
  local first = redis.call("ZLEXCOUNT", sort, "-", "(" .. text)
  return first, first + redis.call("ZLEXCOUNT", sort, "[" .. text, "[" .. text .. "\255") - 1
end

local function append_reversed(found, first, last)
  local count = redis.call("ZCARD", sort)
  for _, stored in ipairs(redis.call("ZRANGE", sort, count - 1 - last, count - 1 - first, "REV")) do
    found[#found + 1] = member_of(stored)
  end
end

-- The members at places from..to in the order asked for. Equal ones go by descending id in both
-- directions, so an ascending range turns each group of equals round: rank r becomes first + last - r.
local function slice(from, to)
  local found, count = {}, redis.call("ZCARD", sort)
  to = math.min(to, count - 1)
  if query.descending and from <= to then
    append_reversed(found, count - 1 - to, count - 1 - from)
    return found
  end
  while from <= to do
    local stored = redis.call("ZRANGE", sort, from, from, "WITHSCORES")
    local first, last = ranks_of(stored[1], stored[2])
    local stop = math.min(last, to)
    append_reversed(found, first + last - stop, first + last - from)
    from = stop + 1
  end
  return found
end

-- Those of the members that have a place in the sort index, with that place, and those that have none.
local function placed(members)
  local present, place, absent = {}, {}, {}
  each(is_text and "HMGET" or "ZMSCORE", is_text and places or sort, members, function(member, value)
    if value then
      present[#present + 1] = member
      place[member] = value
    else
      absent[#absent + 1] = member
    end
  end)
  table.sort(absent, function(one, other)
    return number(one) > number(other)
  end)
  return present, place, absent
end

local function sorted(members)
  local present, place, absent = placed(members)
  local order = {}
  for _, member in ipairs(present) do
    -- Redis compares texts as bytes; Lua would compare them by the server's locale.
    order[member] = is_text and redis.call("ZRANK", sort, place[member] .. "\0" .. member) or tonumber(place[member])
  end
  table.sort(present, function(one, other)
    if place[one] == place[other] then
      return number(one) > number(other)
    end
    if query.descending then
      return order[one] > order[other]
    end
    return order[one] < order[other]
  end)
  for _, member in ipairs(absent) do
    present[#present + 1] = member
  end
  return present
end

local function cut(list, offset)
  local part = {}
  for at = offset + 1, math.min(offset + query.limit, #list) do
    part[#part + 1] = list[at]
  end
  return part
end

-- Follow the sort index and pick members until the page is full; nil when the index ends before.
local function walked(members)
  local set, picked, passed = {}, {}, 0
  for _, member in ipairs(members) do
    set[member] = true
  end
  for from = 0, redis.call("ZCARD", sort) - 1, CHUNK do
    for _, member in ipairs(slice(from, from + CHUNK - 1)) do
      if set[member] then
        passed = passed + 1
        if passed > query.offset then
          picked[#picked + 1] = member
        end
        if #picked == query.limit then
          return picked
        end
      end
    end
  end
end

local function page_of_all(total)
  local page, count = slice(query.offset, query.offset + query.limit - 1), redis.call("ZCARD", sort)
  if #page < query.limit and count < total then
    local _, _, absent = placed(redis.call("ZRANGE", universe, 0, -1))
    local offset = math.max(query.offset - count, 0)
    for at = offset + 1, math.min(offset + query.limit - #page, #absent) do
      page[#page + 1] = absent[at]
    end
  end
  return page
end

local function page_of(members)
  local steps = (query.offset + query.limit) * redis.call("ZCARD", sort)
  local page = nil
  if steps < #members * #members then
    page = walked(members)
  end
  return page or cut(sorted(members), query.offset)
end

local function documents(members)
  local keys = {}
  for _, member in ipairs(members) do
    keys[#keys + 1] = prefix .. "document:" .. query.kind .. ":" .. string.sub(member, 2)
  end
  local found = #keys > 0 and redis.call("MGET", unpack(keys)) or {}
  for at, document in ipairs(found) do
    if not document then
      answer[1], found[at] = "damaged", "null"
    end
  end
  return "[" .. table.concat(found, ",") .. "]"
end

local members = satisfying()
local total = members and #members or redis.call("ZCARD", universe)
local shown = {}
if total > query.offset and query.limit > 0 then
  shown = members and page_of(members) or page_of_all(total)
end
answer[4] = total
answer[5] = documents(shown)
return answer
