-- The order of a list: that of the sort index, and behind it, by id, all that has no place there.
-- A sort index holds members by score, or texts with members behind a NUL, all at one score.
local is_text = redis.call("EXISTS", places) == 1
local sort_size, unsorted_size = redis.call("ZCARD", sort), redis.call("ZCARD", unsorted)
local order_size = sort_size + unsorted_size
local ids_fall = query.ties == "newest" or query.descending
local byte, find, sub = string.byte, string.find, string.sub

local function member_of(stored)
  if not is_text then
    return stored
  end
  local at, further = nil, find(stored, "\0", 1, true)
  while further do
    at, further = further, find(stored, "\0", further + 1, true)
  end
  return sub(stored, at + 1)
end

-- Where a stored entry stands: its score, or the text with its NUL.
local function place_of(stored, score)
  return is_text and sub(stored, 1, -1 - #member_of(stored)) or score
end

-- The ranks, from 0, of the first and last that stand at a place.
local function ranks_of(place)
  local first, count
  if is_text then
    first = redis.call("ZLEXCOUNT", sort, "-", "(" .. place)
    count = redis.call("ZLEXCOUNT", sort, "[" .. place, "[" .. place .. "\255")
  else
    first = redis.call("ZCOUNT", sort, "-inf", "(" .. place)
    count = redis.call("ZCOUNT", sort, place, place)
  end
  return first, first + count - 1
end

local function append(found, key, from, to, ...)
  for _, stored in ipairs(redis.call("ZRANGE", key, from, to, ...)) do
    found[#found + 1] = key == sort and member_of(stored) or stored
  end
end

local function append_reversed(found, first, last)
  append(found, sort, sort_size - 1 - last, sort_size - 1 - first, "REV")
end

-- Ranks from..to ascending, but each group of equals turned round: rank r becomes first + last - r.
-- A group that ends within is turned here; one that may go beyond is asked for.
local function append_turned(found, from, to)
  local stored = redis.call("ZRANGE", sort, from, to, "WITHSCORES")
  local start, size = 1, #stored / 2
  while start <= size do
    local place, stop = place_of(stored[2 * start - 1], stored[2 * start]), start
    while stop < size and place_of(stored[2 * stop + 1], stored[2 * stop + 2]) == place do
      stop = stop + 1
    end
    if start > 1 and stop < size then
      for at = stop, start, -1 do
        found[#found + 1] = member_of(stored[2 * at - 1])
      end
    else
      local first, last = ranks_of(place)
      append_reversed(found, first + last - (from + stop - 1), first + last - (from + start - 1))
    end
    start = stop + 1
  end
end

local function append_sorted(found, from, to)
  if from > to then
    return
  elseif ties_turn then
    append_turned(found, from, to)
  elseif query.descending then
    append(found, sort, from, to, "REV")
  else
    append(found, sort, from, to)
  end
end

local function append_unsorted(found, from, to)
  if from > to then
    return
  elseif ids_fall then
    append(found, unsorted, from, to, "REV")
  else
    append(found, unsorted, from, to)
  end
end

-- The members at places from..to, from 0, in the order asked for.
local function slice(from, to)
  step(to - from + 1)
  local found = {}
  append_sorted(found, from, math.min(to, sort_size - 1))
  append_unsorted(found, math.max(from - sort_size, 0), math.min(to, order_size - 1) - sort_size)
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
  return present, place, absent
end

local function by_id(one, other)
  if ids_fall then
    return number(one) > number(other)
  end
  return number(one) < number(other)
end

-- The first six bytes of a text as a number; one that is missing comes before all others.
local function beginning(text)
  local a, b, c, d, e, f = byte(text, 1, 6)
  a, b, c, d, e, f = a or -1, b or -1, c or -1, d or -1, e or -1, f or -1
  return ((((a * 257 + b) * 257 + c) * 257 + d) * 257 + e) * 257 + f
end

-- Whether a text comes before another one with the same beginning. Redis compares texts as bytes; Lua
-- would compare them by the server's locale.
local function is_before(one, other)
  local at, size = 7, math.min(#one, #other)
  while at <= size and sub(one, at, at + 15) == sub(other, at, at + 15) do
    at = at + 16
  end
  while at <= size and byte(one, at) == byte(other, at) do
    at = at + 1
  end
  return (byte(one, at) or -1) < (byte(other, at) or -1)
end

-- A function that says which of two members comes first.
local function comparison(place)
  local begins = {}
  for member, value in pairs(place) do
    begins[member] = is_text and beginning(value) or tonumber(value)
  end
  local descending = query.descending
  return function(one, other)
    local first, second = begins[one], begins[other]
    if first ~= second then
      return (first < second) ~= descending
    elseif not is_text or place[one] == place[other] then
      return by_id(one, other)
    end
    return is_before(place[one], place[other]) ~= descending
  end
end
