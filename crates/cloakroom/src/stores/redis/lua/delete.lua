-- Ends one session. Answers 0 when there is none, 1 when it ended, 2 when it is somebody else's.
local session = KEYS[1]
local indexes, owner, who = ARGV[1], ARGV[2], ARGV[3]

local kept = head(session)
if not kept then return 0 end
local theirs = principal(kept)
if owner == 'is' and theirs ~= who then return 2 end
redis.call('DEL', session)
if indexes ~= '' and theirs ~= '' then redis.call('ZREM', indexes .. theirs, session:sub(-32)) end
return 1
