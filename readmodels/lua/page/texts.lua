-- A search of an index that has a shelf goes through that shelf, and looks up on the shelf of all what lies
-- only there.
local MATCHES_MAX = 3000 -- whose ids are kept while counting; beyond, counting is all
local MUCH_SMALLER = 2 -- times: each member may be in a bucket of its own, and has to be listed before

local whole = query.text and shelf_of(universe, query.shelf_of_all)

-- The condition that has a shelf, that shelf, and the index of those whose text is not there.
local function shelved()
  for _, condition in ipairs(all) do
    if condition.key and condition.key ~= universe then
      local own = shelf_of(condition.key, query.shelf_of_some)
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

local function appended(members, further)
  for _, member in ipairs(further) do
    members[#members + 1] = member
  end
  return members
end

local function set_of(members)
  local set = {}
  for _, member in ipairs(members) do
    set[member] = true
  end
  return set
end

-- The members that match and whose text is not on the shelf.
local function matches_elsewhere()
  local members = elsewhere and ranked(elsewhere, 0, elsewhere_size - 1) or {}
  return among(set_of(members), matches_around(whole, members))
end

-- How many texts match, and the members whose they are unless these are too many.
local function matches(most)
  local found, others = findings(most), matches_elsewhere()
  search_buckets(shelf, redis.call("HKEYS", shelf.key), found)
  local total = found.total + #others
  if total > most then
    return total, nil
  end
  return total, appended(members_of(found, shelf), others)
end

-- The same of those that satisfy the conditions as well. They are asked about while the search goes on.
local function satisfying_matches(most)
  local members = satisfying(matches_elsewhere(), base, true)
  local total, found = #members, findings(math.huge)
  local function pass()
    local passed = satisfying(members_of(found, shelf), base, true)
    total = total + #passed
    if total <= most then
      appended(members, passed)
    end
    found.total, found.buckets, found.tags = 0, {}, {}
  end
  search_buckets(shelf, redis.call("HKEYS", shelf.key), found, function()
    if found.total >= CHUNK then
      pass()
    end
  end)
  pass()
  return total, total <= most and members or nil
end

-- Members of searched buckets whose text matches.
local hit = {}

-- No bucket is searched twice.
local function look_up(on, members)
  for _, member in ipairs(matches_around(on, members)) do
    hit[member] = true
  end
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
