UPDATE workflow_use SET records = records - ?2, bytes = bytes - ?3, removed_records = removed_records + ?2,
    removed_bytes = removed_bytes + ?3 WHERE workflow = ?1
