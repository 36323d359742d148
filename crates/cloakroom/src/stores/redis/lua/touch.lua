-- Moves last seen and the expiry forward. Answers 0 when the record is gone or at another revision.
local session = KEYS[1]
local expected, seen, until_then, goes, indexes = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local kept = head(session)
if not kept or revision(kept) ~= expected then return 0 end
if later(seen, last_seen(kept)) then redis.call('SETRANGE', session, 17, seen) end
if later(until_then, expires(kept)) then
  redis.call('SETRANGE', session, 25, until_then)
  if goes == '' then
    redis.call('PERSIST', session)
  else
    redis.call('PEXPIREAT', session, goes)
  end
  local who = principal(kept)
  if indexes ~= '' and who ~= '' and stretch(until_then) ~= stretch(expires(kept)) then
    join(indexes .. who, session, goes)
  end
end
return 1
