-- The conditional write. Answers 0 when what is kept is not what was expected, 1 when the principal has as many
-- sessions as the cap allows, or else the list of those that it ended.
local session, id = KEYS[1], KEYS[1]:sub(-32)
local expected, record, goes, who = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- What the keys of sessions and of indexes begin with; no index is kept where that is empty.
local sessions, indexes = ARGV[5], ARGV[6]
local cap, most, now = ARGV[7], tonumber(ARGV[8]), ARGV[9]

local kept = head(session)
if (kept and revision(kept) or '') ~= expected then return 0 end
local was = kept and principal(kept) or ''

local ending = {}
if cap ~= '' and who ~= '' and who ~= was then
  local live = {}
  for _, other in ipairs(redis.call('ZRANGE', indexes .. who, 0, -1)) do
    local theirs = head(sessions .. other)
    if not theirs or principal(theirs) ~= who then
      redis.call('ZREM', indexes .. who, other)
    elseif later(expires(theirs), now) then
      live[#live + 1] = { id = other, created = created(theirs) }
    end
  end
  if cap == 'refuse' then
    if #live >= most then return 1 end
  else
    table.sort(live, function(one, other) return later(other.created, one.created) end)
    for n = 1, #live + 1 - most do ending[n] = live[n].id end
  end
end

-- The first of these that makes something new is refused when there is no memory, and then none has happened. An
-- entry of the index without its session is skipped by everyone, so it comes first.
if indexes ~= '' and who ~= '' then join(indexes .. who, sessions, id, goes) end
if goes == '' then
  redis.call('SET', session, record)
else
  redis.call('SET', session, record, 'PXAT', goes)
end
if indexes ~= '' and was ~= '' and was ~= who then redis.call('ZREM', indexes .. was, id) end
for _, other in ipairs(ending) do
  redis.call('DEL', sessions .. other)
  redis.call('ZREM', indexes .. who, other)
end
return ending
