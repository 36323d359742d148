-- Reads records, by the layout that record.rs describes. Times and revisions are eight bytes, the highest first:
-- Lua's numbers are doubles and would round them, and its `<` on strings goes by the server's locale.

-- Everything before the label, or nil when nothing is kept. Numbers as text: the server prints others as it does fractions,
-- which costs more than to read.
local function head(key)
  -- Nearly every one is not longer.
  local bytes = redis.call('GETRANGE', key, '0', '99')
  if bytes == '' then return nil end
  local format = bytes:byte(1)
  if format > 1 and format < 32 then error('cloakroom: newer format') end
  if format ~= 1 or #bytes < 36 then error('cloakroom: no record') end
  if bytes:byte(34) > 64 then return redis.call('GETRANGE', key, '0', '290') end
  return bytes
end

local function revision(kept) return kept:sub(2, 9) end
local function expires(kept) return kept:sub(26, 33) end
local function principal(kept) return kept:sub(37, 36 + kept:byte(34)) end

-- The stretch of time in which a session expires. It is 2^24 milliseconds long, which is 4.7 hours.
local function stretch(expires) return expires:sub(1, 5) end

