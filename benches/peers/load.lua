-- What wrk sends, by the words after "--": nothing (plain GETs), "close" (a new connection for each request),
-- "post BYTES", "pipeline DEPTH" (as many requests at once), or "paths PREFIX FIRST STEP COUNT" (in turn).
-- Where one fixed request is enough, no request() is defined: Lua code for each would make wrk the bottleneck.
function init(args)
  local number = function(i) return tonumber(args[i]) end
  if args[1] == "close" then
    wrk.headers["Connection"] = "close"
  elseif args[1] == "post" then
    wrk.method, wrk.body = "POST", string.rep("x", number(2))
  elseif args[1] == "pipeline" then
    local all = string.rep(wrk.format(), number(2))
    request = function() return all end
  elseif args[1] == "paths" then
    local all, turn = {}, 0
    for i = 1, number(5) do
      all[i] = wrk.format(nil, string.format("%s%07d%s?%d", args[2], number(3) + (i - 1) * number(4), wrk.path, i))
    end
    request = function()
      turn = turn % #all + 1
      return all[turn]
    end
  end
end

-- wrk's own text rounds its numbers; this prints them whole.
function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"duration_us":%d,"bytes":%d,"p50_us":%d,"p99_us":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.timeout, e.status))
end
