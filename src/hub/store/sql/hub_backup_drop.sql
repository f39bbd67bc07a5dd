DROP TABLE backup_file;
DROP TABLE backup;
