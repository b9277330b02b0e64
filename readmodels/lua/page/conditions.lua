-- A condition knows how many members it has at most, can list them, and can keep those of a list.
-- `key` is its index when it is nothing else; `size` is exact then, and for a range.
local function one_of(key)
  local size = redis.call("ZCARD", key)
  return {
    key = key,
    size = size,
    list = function()
      return ranked(key, 0, size - 1)
    end,
    keep = function(members)
      return kept("ZMSCORE", key, members, exists)
    end,
  }
end

-- Those of the members that stand in any of the indexes, which are asked one after the other.
local function kept_by_any(keys, members)
  local is_in, left = {}, members
  for _, key in ipairs(keys) do
    local out = {}
    each("ZMSCORE", key, left, function(member, score)
      if score then
        is_in[member] = true
      else
        out[#out + 1] = member
      end
    end)
    left = out
  end
  return among(is_in, members)
end

local function any_of(keys)
  if #keys == 1 then
    return one_of(keys[1])
  end
  local sizes, size, set, all = {}, 0, nil, {}
  for at, key in ipairs(keys) do
    sizes[at] = redis.call("ZCARD", key)
    size = size + sizes[at]
  end
  local function list()
    if not set then
      set = {}
      for at, key in ipairs(keys) do
        each_ranked(key, 0, sizes[at] - 1, function(member)
          if not set[member] then
            set[member] = true
            all[#all + 1] = member
          end
        end)
      end
    end
    return all
  end
  local asked = 0
  -- Asking for few members is quicker than listing all, until it has been done often.
  local function keep(members)
    asked = asked + #members * #keys
    if not set and asked < size then
      return kept_by_any(keys, members)
    end
    list()
    return among(set, members)
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
  local size = redis.call("ZCOUNT", key, range.minimum, range.maximum)
  return {
    size = size,
    is_exact = true,
    list = function()
      local before = range.minimum == "-inf" and 0 or redis.call("ZCOUNT", key, "-inf", "(" .. range.minimum)
      return ranked(key, before, before + size - 1)
    end,
    keep = function(members)
      return kept("ZMSCORE", key, members, test)
    end,
  }
end

local function through(way)
  local keys = {}
  for _, name in ipairs(way.also) do
    keys[#keys + 1] = index(name)
  end
  for _, member in ipairs(redis.call("ZRANGE", index(way.index), 0, -1)) do
    keys[#keys + 1] = index(way.prefix .. string.sub(member, 2))
  end
  return any_of(keys)
end

-- All conditions, the smallest first. One at least lets through only what is listed.
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
    all[#all + 1] = through(query.through)
  end
  for _, range in ipairs(query.ranges) do
    all[#all + 1] = within(range)
  end
  if not query.finds_listed_only then
    all[#all + 1] = one_of(universe)
  end
  table.sort(all, function(one, other)
    return one.size < other.size
  end)
  return all
end

local all = conditions()

-- Those of the members that satisfy the conditions, but for one of them and, maybe, those that marks show.
local function satisfying(members, but, are_marked)
  for _, condition in ipairs(all) do
    if condition ~= but and not (are_marked and condition.is_marked) then
      members = condition.keep(members)
    end
  end
  for _, range in ipairs(query.without) do
    local test = inside(range)
    members = kept("ZMSCORE", index(range.index), members, function(score)
      return not test(score)
    end)
  end
  return members
end

-- Everything that satisfies the conditions; the smallest is where to begin.
local function list()
  return satisfying(all[1].list(), all[1])
end

local function is_everything()
  return #all == 1 and all[1].key == universe and #query.without == 0 and not query.text
end

-- The indexes that the conditions are; nil when one is something else.
local function keys_of_all()
  local keys = {}
  for _, condition in ipairs(all) do
    if not condition.key then
      return nil
    end
    keys[#keys + 1] = condition.key
  end
  return #query.without == 0 and keys or nil
end

-- How many satisfy the conditions, when that can be told without listing them, else nil.
local function count()
  if #all == 1 and all[1].is_exact and #query.without == 0 then
    return all[1].size
  end
  local keys = keys_of_all()
  if keys and #keys == 1 then
    return all[1].size
  end
  return keys and redis.call("ZINTERCARD", #keys, unpack(keys))
end
