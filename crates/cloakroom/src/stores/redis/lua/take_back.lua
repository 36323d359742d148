-- Takes one back from a counter. What counts nothing is not there.
local count = tonumber(redis.call('GET', KEYS[1]) or 0)
if count > 1 then
  redis.call('DECR', KEYS[1])
elseif count == 1 then
  redis.call('DEL', KEYS[1])
end
return 1
