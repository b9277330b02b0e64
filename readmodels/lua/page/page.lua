-- A page comes from following the order, from whichever end is nearer, or by picking from all members.
local PICKING = 1 -- steps along the order take as long as picking one member
local PICKING_TEXT = 2 -- the same where texts are compared
local LISTING = 2 -- times as long it takes when members are not known yet

-- A way along the order from rank `low` to before `high`, where `passing` members are to pass, to the
-- members from..to of these, from 0: from which end, how many to pass by, and how many steps at a time.
local function way_to(low, high, passing, from, to)
  local behind = passing - 1 - to
  local is_back, skipped = behind < from, math.min(behind, from)
  local expected = math.ceil((skipped + to - from + 1) * (high - low) / passing)
  return {
    low = low,
    high = high,
    is_back = is_back,
    skipped = skipped,
    wanted = to - from + 1,
    expected = expected,
    at_once = math.max(query.limit, math.min(expected, CHUNK)),
  }
end

-- The next members along a way, after `taken` steps, in the order in which they are met.
local function met(way, taken)
  local count = math.min(way.at_once, way.high - way.low - taken)
  local start = way.is_back and way.high - taken - count or way.low + taken
  return slice(start, start + count - 1)
end

local function reversed(members)
  local found = {}
  for at = #members, 1, -1 do
    found[#found + 1] = members[at]
  end
  return found
end

-- The wanted of those that `choose` keeps; nil when it takes more than `steps_max` steps to come there.
local function walked(way, steps_max, choose)
  local page, passed, taken, length = {}, 0, 0, way.high - way.low
  while way.expected <= steps_max and taken < math.min(length, steps_max) and #page < way.wanted do
    local members = choose(met(way, taken))
    for _, member in ipairs(way.is_back and reversed(members) or members) do
      passed = passed + 1
      if passed > way.skipped and #page < way.wanted then
        page[#page + 1] = member
      end
    end
    taken = taken + way.at_once
  end
  if #page == way.wanted or taken >= length then
    return way.is_back and reversed(page) or page
  end
end

local function chosen(members)
  members = satisfying(members)
  return query.text and with_text(members) or members
end

local function chosen_among(members)
  local set = set_of(members)
  return function(some)
    return among(set, some)
  end
end

-- How many of those found have a place in the sort index; nil if that is not quickly told. Of more than
-- `enough`, that many are told, unless it is 0.
local function count_sorted(enough)
  local keys = unsorted_size > 0 and not query.text and keys_of_all()
  if not keys then
    return nil
  end
  local words = { #keys + 1, sort, unpack(keys) }
  words[#words + 1], words[#words + 2] = "LIMIT", enough
  return redis.call("ZINTERCARD", unpack(words))
end

-- The ways to the members first..last: one to those with a place in the sort index, and one to the rest,
-- when it is known how many there are of each.
local function ways(total, first, last)
  local enough = first < CHUNK and last + 1 or 0
  local sorted = count_sorted(enough)
  if not sorted or (enough > 0 and sorted == enough) then
    return { way_to(0, order_size, total, first, last) }
  end
  local found = {}
  if first < sorted then
    found[1] = way_to(0, sort_size, sorted, first, math.min(last, sorted - 1))
  end
  if last >= sorted then
    found[#found + 1] =
      way_to(sort_size, order_size, total - sorted, math.max(first - sorted, 0), last - sorted)
  end
  return found
end

-- The page by following the order; nil when that takes longer than picking.
local function followed(total, members, first, last)
  local choose = members and chosen_among(members) or chosen
  local steps_max = (members and total or all[1].size * LISTING) * (is_text and PICKING_TEXT or PICKING)
  local page = {}
  for _, each_way in ipairs(ways(total, first, last)) do
    local part = walked(each_way, steps_max, choose)
    if not part then
      return nil
    end
    for _, member in ipairs(part) do
      page[#page + 1] = member
    end
  end
  return page
end

local function page_of(total, members)
  local first, last = query.offset, math.min(query.offset + query.limit, total) - 1
  if is_everything() then
    return slice(first, last)
  end
  return followed(total, members, first, last) or picked(members or matching())
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

local function answered()
  local total, members = found()
  local is_shown = total > query.offset and query.limit > 0
  return total, documents(is_shown and page_of(total, members) or {})
end

local is_done, total, shown = pcall(answered)
if is_done then
  answer[4], answer[5], answer[6] = total, shown, redis.call("SCARD", prefix .. "parked")
elseif total ~= TOO_LONG then
  error(total)
end
return answer
