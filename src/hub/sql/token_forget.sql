DELETE FROM token WHERE max(expires_ms, ifnull(removed_ms, 0)) < ?1
