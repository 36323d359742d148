-- Marks are in three keys, of which a server that evicts may drop any: a hash of each subject's moments, which says all
-- that is to be known, and two sorted sets that only order it.

-- What follows the latest number. By the clock, so that a replica that takes over without the last marks gives none of
-- their numbers again.
local function next_number(marks)
  local now = redis.call('TIME')
  local number = tonumber(now[1]) * 1000000 + tonumber(now[2])
  local last = tonumber(redis.call('HGET', marks, '#') or 0)
  return number > last and number or last + 1
end

-- Puts a subject into both orders.
local function order_by(order, overs, number, subject, over)
  local millis = 0
  for byte = 1, 8 do millis = millis * 256 + over:byte(byte) end
  redis.call('ZADD', order, string.format('%.0f', number), subject)
  redis.call('ZADD', overs, millis, subject)
end

-- Whether only a part of them is there. None is no part: nothing was marked, or all is gone.
local function in_parts(marks, order, overs)
  local count = redis.call('ZCARD', order)
  if redis.call('ZCARD', overs) ~= count then return true end
  local fields = redis.call('HLEN', marks)
  -- Beside the subjects there are two: the latest number and the epoch.
  if fields == 0 then return count > 0 end
  return fields ~= count + 2
end

-- Orders what the hash has anew, where only a part is there. Every subject gets a later number, so whoever has read up to
-- the latest one reads all of it again. Orders of a hash that is gone are of no use.
local function mend(marks, order, overs)
  if not in_parts(marks, order, overs) then return end
  redis.call('DEL', order, overs)
  local kept = redis.call('HGETALL', marks)
  if #kept == 0 then return end
  local number = next_number(marks)
  for field = 1, #kept, 2 do
    local subject, moments = kept[field], kept[field + 1]
    if subject:sub(1, 1) ~= '#' then
      order_by(order, overs, number, subject, moments:sub(9, 16))
      number = number + 1
    end
  end
  redis.call('HSET', marks, '#', string.format('%.0f', number))
end
