-- One page of a query: documents, exact total and position are read at one moment.
-- KEYS[1] is the checkpoint, ARGV the prefix and the query as JSON; see `Query` for its words.
-- Answers the checkpoint's state, position and build, the total, a JSON list of the documents, and how
-- many documents are parked; without the last three when that takes too long. The files of this folder are one script, in the
-- order that redis.py names.
--
-- Redis does nothing else meanwhile, so what is long is counted where it lies and not fetched: a
-- list of 100,000 takes 25 ms to come here, and a page of it needs ten.
local prefix, query = ARGV[1], cjson.decode(ARGV[2])
local answer = redis.call("HMGET", KEYS[1], "state", "position", "build")
if answer[1] ~= "ready" then
  return answer
end

local CHUNK = 1000 -- arguments that go into one command
local LISTED = 10000 -- members that are listed at a time
local STEPS = 5000 -- between two looks at the clock
local TOO_LONG = {} -- is raised when the time is over
local universe = prefix .. "index:" .. query.kind .. ":sort:id"
local sort = prefix .. "index:" .. query.kind .. ":sort:" .. query.sort
local unsorted = prefix .. "index:" .. query.kind .. ":unsorted:" .. query.sort
local places = prefix .. "places:" .. query.kind .. ":sort:" .. query.sort
local ties_turn = query.ties == "newest" and not query.descending

local function index(name)
  return prefix .. "index:" .. name
end

local function number(member)
  return tonumber(string.sub(member, 2))
end

local end_s, steps_left = nil, STEPS

-- To be called before some steps of a long way: nobody else is served until it ends. The clock is that
-- of Redis's own work; what TIME says stands still meanwhile.
local function step(count)
  steps_left = steps_left - count
  if steps_left <= 0 then
    steps_left = STEPS
    end_s = end_s or os.clock() + query.time_max_s
    if os.clock() > end_s then
      error(TOO_LONG)
    end
  end
end

-- Call visit(member, value) for each member, with what the command answers for it.
local function each(command, key, members, visit)
  for from = 1, #members, CHUNK do
    local to = math.min(from + CHUNK - 1, #members)
    step(to - from + 1)
    local values = redis.call(command, key, unpack(members, from, to))
    for at = 1, #values do
      visit(members[from + at - 1], values[at])
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

-- Call visit(member) for each that stands in an index from rank `first` to `last`.
local function each_ranked(key, first, last, visit)
  for from = first, last, LISTED do
    local members = redis.call("ZRANGE", key, from, math.min(from + LISTED - 1, last))
    step(#members)
    for _, member in ipairs(members) do
      visit(member)
    end
  end
end

local function ranked(key, first, last)
  local found = {}
  each_ranked(key, first, last, function(member)
    found[#found + 1] = member
  end)
  return found
end

local function exists(value)
  return value ~= false
end

-- Those of the members that are in a set, in their order.
local function among(set, members)
  local passed = {}
  for _, member in ipairs(members) do
    if set[member] then
      passed[#passed + 1] = member
    end
  end
  return passed
end
