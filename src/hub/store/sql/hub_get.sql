SELECT store, connection, backup_ms FROM hub
