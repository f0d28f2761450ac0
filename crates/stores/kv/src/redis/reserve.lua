-- Reserves in all counters or in none. ARGV: .., lease, refund or charge, then for each counter: kind and what, wanted,
-- room (the most that may be taken already), the window's first millisecond and its end, 0 for none.

local packed = redis.call('GET', hold_key)
if packed then
  local hold = packed ~= 's' and cmsgpack.unpack(packed)
  if hold and not hold.expired then return { 'held', hold.ends } end
  return { 'over' }
end

local FIRST, N_PARTS = 6, 5
local windows = {}
for i = 3, #KEYS do
  local key, at = KEYS[i], FIRST + (i - 3) * N_PARTS
  local kind, room, window, ends = ARGV[at]:sub(1, 1), ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local taken, is_there = '0', true
  if kind == 'm' then
    window = roll(key)
    if window then
      window = string.format('%d', window)
      taken = redis.call('HGET', key, 't') or '0'
    else
      window, is_there = string.format('%d', second), false
    end
  else
    window, taken, is_there = present(key, window, ends)
  end
  if not at_most(taken, room) then
    if redis.call('ZCOUNT', leases, '-inf', now) > 0 then return { 'again' } end
    return { 'refused', i - 2, now, redis.call('HGETALL', key) }
  end
  windows[i] = { window, is_there }
end

local entries = {}
for i = 3, #KEYS do
  local key, at = KEYS[i], FIRST + (i - 3) * N_PARTS
  local kind, wanted, ends = ARGV[at], ARGV[at + 1], ARGV[at + 4]
  local window, is_there = windows[i][1], windows[i][2]
  if kind:sub(1, 1) == 'm' then
    if not is_there then
      redis.call('HSET', key, 'h', window)
      redis.call('PEXPIRE', key, MINUTE_KEPT)
    end
    redis.call('HINCRBY', key, 't' .. window, wanted)
    redis.call('HINCRBY', key, 'r' .. window, wanted)
  elseif not is_there then
    begin(key, window, ends)
  end
  redis.call('HINCRBY', key, 't', wanted)
  redis.call('HINCRBY', key, 'r', wanted)
  entries[i - 2] = { key, kind, window, wanted, wanted }
end

local ends = now + tonumber(ARGV[4])
redis.call('SET', hold_key, cmsgpack.pack({ ends = ends, on_expiry = ARGV[5], entries = entries }))
redis.call('ZADD', leases, ends, hold_id)
return { 'reserved', ends }
