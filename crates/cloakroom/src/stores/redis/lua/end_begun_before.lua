-- Ends those of these sessions that began before a moment, at most so many. Answers how many ended, and 1 when it
-- stopped at the limit with sessions left to look at.
local begun_before, indexes, most = ARGV[1], ARGV[2], tonumber(ARGV[3])

local ended = 0
for _, session in ipairs(KEYS) do
  if ended == most then return { ended, 1 } end
  local kept = head(session)
  if kept and later(begun_before, created(kept)) then
    redis.call('DEL', session)
    local who = principal(kept)
    if indexes ~= '' and who ~= '' then redis.call('ZREM', indexes .. who, session:sub(-32)) end
    ended = ended + 1
  end
end
return { ended, 0 }
