-- Forgets marks that are over before a moment, at most so many. Answers how many, and 1 when more are left.
local marks, order, overs = KEYS[1], KEYS[2], KEYS[3]
local before, most = ARGV[1], tonumber(ARGV[2])

mend(marks, order, overs)

local found = redis.call('ZRANGEBYSCORE', overs, '-inf', '(' .. before, 'LIMIT', 0, most + 1)
local more = 0
if #found > most then
  more = 1
  found[#found] = nil
end
for _, subject in ipairs(found) do
  redis.call('HDEL', marks, subject)
  redis.call('ZREM', order, subject)
  redis.call('ZREM', overs, subject)
end
return { #found, more }
