-- Lets a hold live on. ARGV: .., lease.

local packed = redis.call('GET', hold_key)
if not packed then return { 'unknown' } end
local hold = packed ~= 's' and cmsgpack.unpack(packed)
if not hold or hold.expired then return { 'over' } end

hold.ends = now + tonumber(ARGV[4])
redis.call('SET', hold_key, cmsgpack.pack(hold))
redis.call('ZADD', leases, hold.ends, hold_id)
return { 'held', hold.ends }
