-- Keeps the index of a principal: a sorted set of ids, all with the score 0, so that their order is that of the ids.
-- It lives as long as the longest of its sessions, and up to a stretch longer: as long as the expiry of a session moves
-- within one, there is nothing to do. With each stretch the session is filed again, should the index have been lost.
-- `goes` is when a session's key goes, in milliseconds, or '' for never.

-- A stretch after a key goes. What goes in thirty thousand years never does: near the end of all numbers there is no later.
local function a_stretch_after(goes)
  if goes == '' or #goes > 15 then return '' end
  return string.format('%.0f', goes + 16777216)
end

-- Makes an index that is there live at least as long as a session in it.
local function outlive(index, goes)
  local until_then = a_stretch_after(goes)
  if until_then == '' then
    redis.call('PERSIST', index)
    return
  end
  local answer = redis.pcall('PEXPIREAT', index, until_then, 'GT')
  if type(answer) == 'table' and answer.err then
    -- Before Redis 7: sets it, and takes it back if it was longer.
    local left = redis.call('PTTL', index)
    if left == -1 then return end
    redis.call('PEXPIREAT', index, until_then)
    if redis.call('PTTL', index) < left then redis.call('PEXPIRE', index, left) end
  end
end

-- What the keys of sessions begin with, and what this one's ends with.
local function prefix(session) return session:sub(1, -33) end
local function id(session) return session:sub(-32) end

-- Files a session, and looks at a few others whether they are still there: what expired by itself has not said so,
-- and an index that nobody reads must not grow with every sign-in.
local function join(index, session, goes)
  local own = id(session)
  if redis.call('ZADD', index, '0', own) == 0 then
    outlive(index, goes)
  elseif redis.call('ZCARD', index) == 1 then
    -- It has just begun.
    local until_then = a_stretch_after(goes)
    if until_then ~= '' then redis.call('PEXPIREAT', index, until_then) end
  else
    for _, other in ipairs(redis.call('ZRANDMEMBER', index, 4)) do
      if other ~= own and redis.call('EXISTS', prefix(session) .. other) == 0 then redis.call('ZREM', index, other) end
    end
    outlive(index, goes)
  end
end
