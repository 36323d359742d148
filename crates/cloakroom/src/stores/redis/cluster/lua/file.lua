-- Files a session, before it is written. Answers when, and some old filings of others to look at: what was ended has not
-- said so here, and filings that nobody reads must not grow with every sign-in.
local filings = KEYS[1]
local id, created, lifetime = ARGV[1], ARGV[2], ARGV[3]

local now = file(filings, id, created, 'f', lifetime)
local old = {}
if redis.call('ZCARD', filings) > 16 then
  for _, other in ipairs(redis.call('ZRANDMEMBER', filings, 4)) do
    if id_of(other) ~= id and now - unpacked(filed_of(other)) > GRACE then old[#old + 1] = other end
  end
end
return { now, old }
