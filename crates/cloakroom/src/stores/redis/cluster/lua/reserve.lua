-- Files a session if the cap allows one more. Answers when, 0 when it does not, or -1 when somebody has to look which of
-- the others live.
local filings = KEYS[1]
local id, created, lifetime, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
-- Whoever calls may have looked for the sessions of these, and found them, or not.
local looked, live, gone = ARGV[5] == 'looked', those(ARGV[6]), those(ARGV[7])

local now = milliseconds()
local taken = 0
for _, other in ipairs(redis.call('ZRANGE', filings, 0, -1)) do
  local state = state_of(other)
  local may_come = state == 'r' and now - unpacked(filed_of(other)) <= GRACE
  local counts = not looked or live[other] or may_come or (state == 'm' and not gone[other])
  if id_of(other) ~= id and state ~= 'e' and counts then taken = taken + 1 end
end
if taken >= most then return looked and 0 or -1 end
return file(filings, id, created, 'r', lifetime)
