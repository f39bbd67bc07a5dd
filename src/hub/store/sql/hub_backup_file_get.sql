SELECT bytes FROM backup_file WHERE name = ?1
