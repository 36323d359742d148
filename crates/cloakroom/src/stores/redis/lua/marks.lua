-- Marks are in three keys, of which a server that evicts may drop any.

-- Whether only a part of them is there. None is no part: nothing was marked, or all is gone.
local function in_parts(marks, order, overs)
  local count = redis.call('ZCARD', order)
  if redis.call('ZCARD', overs) ~= count then return true end
  local fields = redis.call('HLEN', marks)
  -- Beside the subjects there are two: the latest number and the epoch.
  if fields == 0 then return count > 0 end
  return fields ~= count + 2 or redis.call('HEXISTS', marks, '#epoch') == 0
end
