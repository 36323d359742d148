-- The filings of a principal: a sorted set, in the order of the ids, of who may be theirs. A filing is the id (16 bytes),
-- when the session was created (8, the highest first), when it was filed by this server's clock (8, milliseconds), and
-- what became of it (1):
--   f  filed: a session of theirs may be written, or not
--   r  reserved: it was admitted under a cap that refuses, and may be written at any moment
--   m  member: it was written, and takes a place under a cap
--   e  ended: another one has taken its place, and whoever comes upon it ends the session

-- After so many milliseconds what was filed and is not there was never written: a write that comes later is refused.
local GRACE = 60000

local function milliseconds()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function packed(number)
  return struct.pack('>I4I4', math.floor(number / 4294967296), number % 4294967296)
end

local function unpacked(bytes)
  local high, low = struct.unpack('>I4I4', bytes)
  return high * 4294967296 + low
end

local function id_of(filing) return filing:sub(1, 16) end
local function created_of(filing) return filing:sub(17, 24) end
local function filed_of(filing) return filing:sub(25, 32) end
local function state_of(filing) return filing:sub(33) end

local function find(filings, id)
  -- No time begins with a byte as high as this.
  return redis.call('ZRANGEBYLEX', filings, '[' .. id, '(' .. id .. '\255', 'LIMIT', 0, 1)[1]
end

local function put(filings, before, after)
  if before then redis.call('ZREM', filings, before) end
  redis.call('ZADD', filings, 0, after)
end

-- Files a session now, in this state, and has the key live as long as any session may. Answers when that is.
local function file(filings, id, created, state, lifetime)
  local now = milliseconds()
  put(filings, find(filings, id), id .. created .. packed(now) .. state)
  redis.call('PEXPIRE', filings, lifetime)
  return now
end

-- The filings that somebody has looked at, as keys of a table.
local function those(list)
  local looked_at = {}
  for at = 1, #list, 33 do looked_at[list:sub(at, at + 32)] = true end
  return looked_at
end

