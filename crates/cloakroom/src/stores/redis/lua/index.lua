-- Keeps the index of a principal: a sorted set of ids, all with the score 0, so that their order is that of the ids.
-- It lives as long as the longest of its sessions. `goes` is when a session's key goes, in milliseconds, or '' for
-- never.

-- Makes an index that is there live at least as long as a session in it.
local function outlive(index, goes)
  if goes == '' then
    redis.call('PERSIST', index)
    return
  end
  local answer = redis.pcall('PEXPIREAT', index, goes, 'GT')
  if type(answer) == 'table' and answer.err then
    -- Before Redis 7: sets it, and takes it back if it was longer.
    local left = redis.call('PTTL', index)
    if left == -1 then return end
    redis.call('PEXPIREAT', index, goes)
    if redis.call('PTTL', index) < left then redis.call('PEXPIRE', index, left) end
  end
end

-- Files a session, and looks at a few others whether they are still there: what expired by itself has not said so,
-- and an index that nobody reads must not grow with every sign-in.
local function join(index, sessions, id, goes)
  if redis.call('ZADD', index, 0, id) == 0 then
    outlive(index, goes)
  elseif redis.call('ZCARD', index) == 1 then
    -- It has just begun.
    if goes ~= '' then redis.call('PEXPIREAT', index, goes) end
  else
    for _, other in ipairs(redis.call('ZRANDMEMBER', index, 4)) do
      if other ~= id and redis.call('EXISTS', sessions .. other) == 0 then redis.call('ZREM', index, other) end
    end
    outlive(index, goes)
  end
end

