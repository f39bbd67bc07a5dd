SELECT r.number, r.id, r.workflow, r.event_id, r.event, r.state, r.recoveries, w.name, w.digest,
  w.text FROM run r LEFT JOIN workflow w ON w.number = r.workflow ORDER BY r.number
