SELECT head, arrived_ms FROM record WHERE number = ?1
