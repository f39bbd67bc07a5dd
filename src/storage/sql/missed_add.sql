INSERT INTO state (workflow, step, key, value)
VALUES ('', ?1, ?2 || '/' || ?3,
  json_object('lane', ?2, 'reason', ?3, 'count', ?4, 'from_ms', ?5, 'to_ms', ?6))
ON CONFLICT (workflow, step, key) DO UPDATE SET value = json_object('lane', ?2, 'reason', ?3,
  'count', ?4 + (value ->> 'count'), 'from_ms', min(?5, value ->> 'from_ms'),
  'to_ms', max(?6, value ->> 'to_ms'))
