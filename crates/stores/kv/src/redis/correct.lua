-- Corrects what is used. KEYS: .., the counter, the correction. ARGV: .., kind, set or add, amount, the window's first
-- millisecond and its end.

local key, done_key = KEYS[3], KEYS[4]
if redis.call('EXISTS', done_key) == 1 then return 0 end

local window, _, is_there = present(key, ARGV[7], ARGV[8])
if not is_there then begin(key, window, ARGV[8]) end
local amount = ARGV[6]
if ARGV[5] == 'set' then
  redis.call('HSET', key, 't', redis.call('HGET', key, 'r') or '0')
end
add(key, 't', amount)
not_below_held(key)
redis.call('SET', done_key, '1', 'PX', 90 * 86400000)
return 1
