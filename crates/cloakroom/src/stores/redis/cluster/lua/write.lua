-- The conditional write of one session. Answers 0 when what is kept is not what was expected, 1 when it is written, 2
-- when it would become somebody's who does not have it filed, and 3 when that was too long ago.
local session = KEYS[1]
local expected, record, goes, who, not_after = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local kept = head(session)
if (kept and revision(kept) or '') ~= expected then return 0 end
if who ~= '' and who ~= (kept and principal(kept) or '') then
  if not_after == '' then return 2 end
  local time = redis.call('TIME')
  if time[1] * 1000 > tonumber(not_after) then return 3 end
end
if goes == '' then
  redis.call('SET', session, record)
else
  redis.call('SET', session, record, 'PXAT', goes)
end
return 1
