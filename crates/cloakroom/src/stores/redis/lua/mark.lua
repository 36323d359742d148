-- Sets a mark, whose moments only move forward, and gives it the latest number. Answers the moments as they are now.
local marks, order, overs = KEYS[1], KEYS[2], KEYS[3]
local subject, begun_before, over, epoch = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

-- What is left of some would be told as if it were all: another history begins, which readers notice by its epoch.
if in_parts(marks, order, overs) then redis.call('DEL', marks, order, overs) end

local kept = redis.call('HGET', marks, subject)
if kept then
  if later(kept:sub(1, 8), begun_before) then begun_before = kept:sub(1, 8) end
  if later(kept:sub(9, 16), over) then over = kept:sub(9, 16) end
end

-- By the clock, so that a replica that takes over without the last marks gives none of their numbers again.
local now = redis.call('TIME')
local number = tonumber(now[1]) * 1000000 + tonumber(now[2])
local last = tonumber(redis.call('HGET', marks, '#') or 0)
if number <= last then number = last + 1 end
number = string.format('%.0f', number)

local millis = 0
for byte = 1, 8 do millis = millis * 256 + over:byte(byte) end

redis.call('HSET', marks, subject, begun_before .. over, '#', number)
redis.call('HSETNX', marks, '#epoch', epoch)
redis.call('ZADD', order, number, subject)
redis.call('ZADD', overs, millis, subject)
return begun_before .. over
