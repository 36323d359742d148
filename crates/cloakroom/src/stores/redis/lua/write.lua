-- The conditional write. Answers 0 when what is kept is not what was expected, 1 when the principal has as many
-- sessions as the cap allows, 2 when it is written, or else the list of the sessions that it ended.
local session, expected, record, goes = KEYS[1], ARGV[1], ARGV[2], ARGV[3]

local kept = head(session)
if (kept and revision(kept) or '') ~= expected then return 0 end
local was, who = kept and principal(kept) or '', principal(record)

local function put()
  if goes == '' then
    redis.call('SET', session, record)
  else
    redis.call('SET', session, record, 'PXAT', goes)
  end
end

-- Nearly always the session is in the index already, which lives long enough. What only the others need comes after this:
-- a server makes each function anew for each call.
if who == was and (who == '' or stretch(expires(record)) == stretch(expires(kept))) then
  put()
  return 2
end

