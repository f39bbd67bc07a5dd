INSERT INTO workflow_use (workflow, records, bytes) VALUES (?1, ?2, ?3)
ON CONFLICT (workflow) DO UPDATE SET records = records + ?2, bytes = bytes + ?3
