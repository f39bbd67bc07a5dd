DELETE FROM boot WHERE device = ?1 AND id IN (
    SELECT id FROM boot WHERE device = ?1 ORDER BY began_ms DESC LIMIT -1 OFFSET ?2)
