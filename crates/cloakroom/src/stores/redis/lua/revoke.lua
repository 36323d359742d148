-- Ends the sessions of a principal but one, at most so many. Answers how many ended, and 1 when more are left.
local index = KEYS[1]
local sessions, who, keep, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local ended = 0
for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local kept = head(sessions .. id)
  if not kept or principal(kept) ~= who then
    redis.call('ZREM', index, id)
  elseif id ~= keep then
    if ended == most then return { ended, 1 } end
    redis.call('DEL', sessions .. id)
    redis.call('ZREM', index, id)
    ended = ended + 1
  end
end
return { ended, 0 }
