-- Lists sessions of a principal after an id, at most so many: where the next page begins, or nothing when this was the
-- last; then each id, and its record up to the body. Whatever is not there any more leaves the index.
local index = KEYS[1]
local sessions, who, after, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local first = after == '' and '-' or '(' .. after
local ids = redis.call('ZRANGEBYLEX', index, first, '+', 'LIMIT', 0, most)
local found = {}
for _, id in ipairs(ids) do
  local kept = head(sessions .. id)
  if not kept or principal(kept) ~= who then
    redis.call('ZREM', index, id)
  else
    found[#found + 1] = id
    found[#found + 1] = redis.call('GETRANGE', sessions .. id, 0, 545)
  end
end
return { #ids < most and '' or ids[#ids], found }
