SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM stream), (SELECT count(*) FROM device WHERE state <> 3)
