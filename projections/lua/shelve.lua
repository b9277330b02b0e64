-- Put texts on a shelf, as SHELVE in apply.lua does it.
-- KEYS[1] is the shelf; ARGV: root, level_max, bucket_max_bytes, then tags, marks and texts.
local command = { "SHELVE", KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]) }
for at = 4, #ARGV do
  command[at + 2] = ARGV[at]
end
rewrite(command)
return 1
