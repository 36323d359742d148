-- The rest of the conditional write: whose session it is changes, or when it expires by a stretch.

-- What the keys of indexes begin with; and under a cap, which one it is, how many sessions, and the time.
local indexes, cap, most, now = ARGV[4], ARGV[5], ARGV[6], ARGV[7]

local ending = {}
if cap and who ~= '' and who ~= was then
  local live, sessions = {}, prefix(session)
  for _, other in ipairs(redis.call('ZRANGE', indexes .. who, 0, -1)) do
    local theirs = head(sessions .. other)
    if not theirs or principal(theirs) ~= who then
      redis.call('ZREM', indexes .. who, other)
    elseif later(expires(theirs), now) then
      live[#live + 1] = { id = other, created = created(theirs) }
    end
  end
  most = tonumber(most)
  if cap == 'refuse' then
    if #live >= most then return 1 end
  else
    table.sort(live, function(one, other) return later(other.created, one.created) end)
    for n = 1, #live + 1 - most do ending[n] = live[n].id end
  end
end

-- The first of these that makes something new is refused when there is no memory, and then none has happened. An
-- entry of the index without its session is skipped by everyone, so it comes first.
if who ~= '' then join(indexes .. who, session, goes) end
put()
if was ~= '' and was ~= who then redis.call('ZREM', indexes .. was, id(session)) end
for _, other in ipairs(ending) do
  redis.call('DEL', prefix(session) .. other)
  redis.call('ZREM', indexes .. who, other)
end
return ending
