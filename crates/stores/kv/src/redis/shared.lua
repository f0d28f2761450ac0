-- What every script begins with. KEYS: leases, the hold, counters.. ARGV: now or -1, the prefix of holds, the hold's id, ..
--
-- Amounts stay decimal texts all the way: a Lua number is a double. Moments and seconds are small enough for one.

local leases, hold_key, hold_id = KEYS[1], KEYS[2], ARGV[3]

local now = tonumber(ARGV[1])
if now < 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local second = math.floor(now / 1000)

local N_SECONDS = 61        -- sixty seconds touch so many seconds of the clock
local MINUTE_KEPT = 125000
local WINDOW_KEPT = 3600000 -- a counter outlives its window by an hour, for clocks that differ
local SETTLED_KEPT = 60000
local EXPIRED_KEPT = 3600000
local MOST_AT_ONCE = 256    -- leases that one script ends, so that none takes long

local function minus(amount)
  if amount == '0' then return amount end
  if amount:byte(1) == 45 then return amount:sub(2) end
  return '-' .. amount
end

local function add(key, field, amount)
  if amount ~= '0' then redis.call('HINCRBY', key, field, amount) end
end

-- a <= b for decimal texts without leading zeros.
local function at_most(a, b)
  local a_negative, b_negative = a:byte(1) == 45, b:byte(1) == 45
  if a_negative ~= b_negative then return a_negative end
  if a_negative then a, b = b:sub(2), a:sub(2) end
  if #a ~= #b then return #a < #b end
  return a <= b
end

-- Brings the counter of a minute to the present second and returns its newest one; nothing when it is not there.
local function roll(key)
  local head = tonumber(redis.call('HGET', key, 'h') or nil)
  if not head then return nil end
  if second >= head + N_SECONDS or second <= head - N_SECONDS then
    -- Nothing of it is left; or the clock was ahead, and was put right.
    redis.call('DEL', key)
    return nil
  end
  if second <= head then return head end
  for past = head - N_SECONDS + 1, second - N_SECONDS do
    local old = redis.call('HMGET', key, 't' .. past, 'r' .. past)
    if old[1] then
      add(key, 't', minus(old[1]))
      add(key, 'r', minus(old[2] or '0'))
      redis.call('HDEL', key, 't' .. past, 'r' .. past)
    end
  end
  redis.call('HSET', key, 'h', second)
  redis.call('PEXPIRE', key, MINUTE_KEPT)
  return second
end

-- The window that a counter is in now, and what is taken in it; the bounds are those that the caller's clock says.
local function present(key, window, ends)
  local stored = redis.call('HMGET', key, 'w', 't')
  if ends ~= '0' and now >= tonumber(ends) then window = ends end
  if stored[1] and tonumber(stored[1]) >= tonumber(window) then
    return stored[1], stored[2] or '0', true
  end
  return window, '0', false
end

-- Begins a window.
local function begin(key, window, ends)
  redis.call('DEL', key)
  redis.call('HSET', key, 'w', window, 't', '0', 'r', '0')
  if ends ~= '0' then
    -- A window that begins a moment early, by the caller's clock, is long enough too.
    local left = tonumber(ends) - now
    if left < 0 then left = 32 * 86400000 end
    redis.call('PEXPIRE', key, left + WINDOW_KEPT)
  end
end

local function not_below_held(key)
  local numbers = redis.call('HMGET', key, 't', 'r')
  if not at_most(numbers[2] or '0', numbers[1] or '0') then redis.call('HSET', key, 't', numbers[2]) end
end

-- An entry of a hold: key, kind and what, window, held, counted. Lets `real` count in place of what it has taken.
local function replace(entry, real)
  local key, kind, window, held, counted = entry[1], entry[2]:sub(1, 1), entry[3], entry[4], entry[5]
  if kind == 'm' then
    roll(key)
    if redis.call('HEXISTS', key, 't' .. window) == 1 then
      for _, at in ipairs({ '', window }) do
        add(key, 't' .. at, real)
        add(key, 't' .. at, minus(counted))
        add(key, 'r' .. at, minus(held))
      end
    end
  else
    local stored = redis.call('HGET', key, 'w')
    if not stored and kind == 't' and real ~= '0' then
      -- Somebody removed a total. What is spent from now on counts all the same.
      begin(key, '0', '0')
      add(key, 't', real)
    elseif stored == window then
      add(key, 'r', minus(held))
      add(key, 't', real)
      add(key, 't', minus(counted))
      not_below_held(key)
    end
    if kind == 'c' and redis.call('HGET', key, 't') == '0' then redis.call('DEL', key) end
  end
  entry[4], entry[5] = '0', real
end

-- Ends the leases that ran out.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, MOST_AT_ONCE)) do
  redis.call('ZREM', leases, id)
  local key = ARGV[2] .. id
  local packed = redis.call('GET', key)
  if packed and packed ~= 's' then
    local hold = cmsgpack.unpack(packed)
    for _, entry in ipairs(hold.entries) do
      local is_spent = hold.on_expiry == 'charge' and entry[2] ~= 'c-'
      replace(entry, is_spent and entry[5] or '0')
    end
    hold.expired = true
    redis.call('SET', key, cmsgpack.pack(hold), 'PX', EXPIRED_KEPT)
  end
end
