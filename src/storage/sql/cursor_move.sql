INSERT INTO cursor (destination, stream, lane, sent_seq)
SELECT destination, (((stream << 43) | (lane << 40) | sent_seq) + ?3) >> 43, lane,
  (((stream << 43) | (lane << 40) | sent_seq) + ?3) & 1099511627775
FROM cursor WHERE ((stream << 43) | (lane << 40) | sent_seq) BETWEEN ?1 AND ?2
ON CONFLICT (destination, stream, lane) DO UPDATE SET sent_seq = excluded.sent_seq
