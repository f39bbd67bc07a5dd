UPDATE lane SET counted_seq = 0, counted_bytes = 0,
  acked_seq = min(acked_seq, max(floor_seq, ifnull((SELECT ifnull(last_seq, key & 1099511627775)
    FROM record WHERE key BETWEEN (lane.stream << 43) | (lane.lane << 40)
    AND (lane.stream << 43) | (lane.lane << 40) | 1099511627775 ORDER BY key DESC LIMIT 1), 0)));
UPDATE lane SET anchored_seq = min(anchored_seq, acked_seq);
