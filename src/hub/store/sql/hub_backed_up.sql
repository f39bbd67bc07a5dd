UPDATE hub SET backup_ms = ?1
