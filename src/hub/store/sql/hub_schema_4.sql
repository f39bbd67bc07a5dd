-- backup_ms: of the moment that the last backup covers; NULL: there was none, and what is acknowledged
-- counts as anchored.
ALTER TABLE hub ADD COLUMN backup_ms INTEGER;
PRAGMA user_version = 4;
