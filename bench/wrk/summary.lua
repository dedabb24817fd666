-- Says what came of a load, as one line of JSON.

function done(summary, latency)
  local errors = summary.errors
  io.write(('{"count":%d,"micros":%d,"p50Us":%d,"p99Us":%d,"refused":%d,"broken":%d}\n'):format(
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
