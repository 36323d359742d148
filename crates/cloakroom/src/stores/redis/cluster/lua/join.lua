-- Gives a session that was written its place, and takes the places of the oldest others, so that this many are left.
-- Answers whose, 0 when another one has taken the place meanwhile, or -1 when somebody has to look which of the others
-- live.
local filings = KEYS[1]
local id, created, lifetime, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local looked, live, gone = ARGV[5] == 'looked', those(ARGV[6]), those(ARGV[7])

local own = find(filings, id)
if not own or state_of(own) == 'e' then return 0 end
local others = {}
for _, other in ipairs(redis.call('ZRANGE', filings, 0, -1)) do
  local state = state_of(other)
  local counts = not looked or live[other] or (state == 'm' and not gone[other])
  if id_of(other) ~= id and state ~= 'e' and counts then others[#others + 1] = other end
end
if most and not looked and #others >= most then return -1 end
file(filings, id, created, 'm', lifetime)
local ending = {}
if most then
  -- Eight bytes each, the highest first, which may not be compared as strings: that goes by the server's locale.
  table.sort(others, function(one, other)
    local first, second = unpacked(created_of(one)), unpacked(created_of(other))
    if first ~= second then return first < second end
    return unpacked(id_of(one):sub(1, 8)) < unpacked(id_of(other):sub(1, 8))
  end)
  for n = 1, #others + 1 - most do
    local ended = others[n]:sub(1, 32) .. 'e'
    put(filings, others[n], ended)
    ending[n] = ended
  end
end
return ending
