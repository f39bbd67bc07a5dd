SELECT r.stream, r.lane, r.seq, r.last_seq, r.chain, r.head, r.workflow, r.name, r.run, r.body, s.id
FROM record r NOT INDEXED LEFT JOIN stream s ON s.number = r.stream ORDER BY r.number
