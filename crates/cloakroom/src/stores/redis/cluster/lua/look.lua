-- Filings after an id, at most so many, and the time.
local filings = KEYS[1]
local after, most = ARGV[1], ARGV[2]

local from = after == '' and '-' or '(' .. after .. '\255'
return { milliseconds(), redis.call('ZRANGEBYLEX', filings, from, '+', 'LIMIT', 0, most) }
