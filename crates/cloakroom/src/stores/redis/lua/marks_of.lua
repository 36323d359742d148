-- The moments of some subjects, as far as they were marked.
return redis.call('HMGET', KEYS[1], unpack(ARGV))
