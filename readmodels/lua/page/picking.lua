-- A page of members that are all known: what belongs there is brought there, the rest is not sorted.

-- Move those of a stretch that come before one of them to its beginning; answers where they end.
local function parted(members, low, high, before)
  step(high - low + 1)
  local middle = members[math.floor((low + high) / 2)]
  local left, right = low - 1, high + 1
  while true do
    repeat
      left = left + 1
    until not before(members[left], middle)
    repeat
      right = right - 1
    until not before(middle, members[right])
    if left >= right then
      return right
    end
    members[left], members[right] = members[right], members[left]
  end
end

-- The members at places first..last, from 1, of the order.
local function settled(members, first, last, before)
  local open = { { 1, #members } }
  while #open > 0 do
    local low, high = unpack(table.remove(open))
    if low < high and low <= last and high >= first then
      local cut = parted(members, low, high, before)
      open[#open + 1] = { low, cut }
      open[#open + 1] = { cut + 1, high }
    end
  end
  return { unpack(members, first, math.min(last, #members)) }
end

-- The page of some members. Those without a place come last.
local function picked(members)
  local present, place, absent = placed(members)
  local first, last = query.offset + 1, query.offset + query.limit
  local page = settled(present, first, last, comparison(place))
  for _, member in ipairs(settled(absent, math.max(first - #present, 1), last - #present, by_id)) do
    page[#page + 1] = member
  end
  return page
end
