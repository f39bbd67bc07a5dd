DELETE FROM answer WHERE made_ms < ?1
