-- Adds one to a counter, which goes when it is over. Answers what it is now.
local counter, goes = KEYS[1], ARGV[1]

local count = redis.call('INCR', counter)
if count == 1 and goes ~= '' then redis.call('PEXPIREAT', counter, goes) end
return count
