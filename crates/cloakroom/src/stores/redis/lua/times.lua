-- More of records: their times.

local function created(kept) return kept:sub(10, 17) end
local function last_seen(kept) return kept:sub(18, 25) end

local function later(one, other)
  local high, low = struct.unpack('>I4I4', one)
  local other_high, other_low = struct.unpack('>I4I4', other)
  return high > other_high or (high == other_high and low > other_low)
end

