-- Lets the real amounts count. ARGV: .., requests, tokens, money.

local packed = redis.call('GET', hold_key)
if not packed then return 'unknown' end
if packed == 's' then return 'before' end

local real = { r = ARGV[4], t = ARGV[5], m = ARGV[6], ['-'] = '0' }
local hold = cmsgpack.unpack(packed)
for _, entry in ipairs(hold.entries) do
  replace(entry, real[entry[2]:sub(2, 2)])
end
redis.call('SET', hold_key, 's', 'PX', SETTLED_KEPT)
redis.call('ZREM', leases, hold_id)
return hold.expired and 'late' or 'now'
