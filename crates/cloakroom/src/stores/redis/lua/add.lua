-- Adds one to a counter, which goes when it is over. Answers what it is now.
local counter, goes = KEYS[1], ARGV[1]
local longest_window = 86400000

local count = redis.call('INCR', counter)
if count == 1 and goes ~= '' then
  redis.call('PEXPIREAT', counter, goes)
  -- It is over by this server's clock, and is gone: the clock of who counts is behind. Each would be the first one.
  if redis.call('EXISTS', counter) == 0 then
    redis.call('SET', counter, count, 'PX', longest_window)
  end
end
return count
