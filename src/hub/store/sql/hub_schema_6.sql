-- A run of records goes on in later deliveries. last_record: its last, with records of others in between;
-- 0: there are none, and it is first_record + count - 1.
ALTER TABLE delivery ADD COLUMN last_record INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 6;
