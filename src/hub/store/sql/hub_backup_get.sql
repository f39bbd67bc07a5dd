SELECT made_ms FROM backup
