-- Reads records, by the layout that record.rs describes. Times and revisions are eight bytes, the highest first:
-- Lua's numbers are doubles and would round them, and its `<` on strings goes by the server's locale.

-- Everything before the label, or nil when nothing is kept.
local function head(key)
  local bytes = redis.call('GETRANGE', key, 0, 290)
  if bytes == '' then return nil end
  local format = bytes:byte(1)
  if format > 1 and format < 32 then error('cloakroom: newer format') end
  if format ~= 1 or #bytes < 36 then error('cloakroom: no record') end
  return bytes
end

local function revision(kept) return kept:sub(2, 9) end
local function created(kept) return kept:sub(10, 17) end
local function last_seen(kept) return kept:sub(18, 25) end
local function expires(kept) return kept:sub(26, 33) end
local function principal(kept) return kept:sub(37, 36 + kept:byte(34)) end

local function later(one, other)
  local high, low = struct.unpack('>I4I4', one)
  local other_high, other_low = struct.unpack('>I4I4', other)
  return high > other_high or (high == other_high and low > other_low)
end

