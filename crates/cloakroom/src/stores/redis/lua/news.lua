-- What was marked after a number, at most so many. Answers the epoch, 1 where that number means nothing here, 1 where
-- there is more, the number to go on from, and then subjects and their moments in turn.
local marks, order, overs = KEYS[1], KEYS[2], KEYS[3]
local after, epoch, most = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])

mend(marks, order, overs)

local now = redis.call('HMGET', marks, '#epoch', '#')
local anew = 0
if after > 0 and (now[1] ~= epoch or after > tonumber(now[2])) then after, anew = 0, 1 end

local exclusive = string.format('(%.0f', after)
local found = redis.call('ZRANGEBYSCORE', order, exclusive, '+inf', 'WITHSCORES', 'LIMIT', 0, most + 1)
local more = 0
if #found > 2 * most then
  more = 1
  found[#found], found[#found - 1] = nil, nil
end
local reply = { now[1] or '', anew, more, found[#found] or string.format('%.0f', after) }
-- So many at a time as a call can have arguments.
for first = 1, #found, 2000 do
  local subjects = {}
  for at = first, math.min(first + 1999, #found), 2 do subjects[#subjects + 1] = found[at] end
  local moments = redis.call('HMGET', marks, unpack(subjects))
  for at, subject in ipairs(subjects) do
    reply[#reply + 1] = subject
    reply[#reply + 1] = moments[at] or ''
  end
end
return reply
