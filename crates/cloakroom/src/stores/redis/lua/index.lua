-- Keeps the index of a principal: a sorted set of ids, all with the score 0, so that their order is that of the ids.
-- It lives as long as the longest of its sessions. `goes` is when a session's key goes, in milliseconds, or '' for
-- never.

-- Makes the index live as long as a session in it.
local function outlive(index, goes, is_new)
  if goes == '' then
    redis.call('PERSIST', index)
    return
  end
  local left = redis.call('PTTL', index)
  if left == -1 and not is_new then return end
  redis.call('PEXPIREAT', index, goes)
  if redis.call('PTTL', index) < left then redis.call('PEXPIRE', index, left) end
end

-- Files a session, and looks at a few others whether they are still there: what expired by itself has not said so,
-- and an index that nobody reads must not grow with every sign-in.
local function join(index, sessions, id, goes)
  local is_new = redis.call('EXISTS', index) == 0
  if redis.call('ZADD', index, 0, id) == 1 and not is_new then
    for _, other in ipairs(redis.call('ZRANDMEMBER', index, 4)) do
      if other ~= id and redis.call('EXISTS', sessions .. other) == 0 then redis.call('ZREM', index, other) end
    end
  end
  outlive(index, goes, is_new)
end

