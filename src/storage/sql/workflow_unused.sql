SELECT number FROM workflow WHERE number NOT IN (SELECT workflow FROM run) ORDER BY number
