-- The counters as they are stored, after the moment that they are looked at.

local answer = { now }
for i = 3, #KEYS do
  answer[i - 1] = redis.call('HGETALL', KEYS[i])
end
return answer
