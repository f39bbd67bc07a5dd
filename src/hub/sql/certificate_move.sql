UPDATE certificate SET device = ?1 WHERE device = ?2
