-- Sets a mark, whose moments only move forward, and gives it the latest number. Answers the moments as they are now.
local marks, order, overs = KEYS[1], KEYS[2], KEYS[3]
local subject, begun_before, over, epoch = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

mend(marks, order, overs)

local kept = redis.call('HGET', marks, subject)
if kept then
  if later(kept:sub(1, 8), begun_before) then begun_before = kept:sub(1, 8) end
  if later(kept:sub(9, 16), over) then over = kept:sub(9, 16) end
end

local number = next_number(marks)
redis.call('HSET', marks, subject, begun_before .. over, '#', string.format('%.0f', number))
redis.call('HSETNX', marks, '#epoch', epoch)
order_by(order, overs, number, subject, over)
return begun_before .. over
