SELECT count(*) FROM device
