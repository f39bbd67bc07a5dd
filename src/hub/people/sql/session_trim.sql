DELETE FROM session WHERE ends_ms <= ?1
