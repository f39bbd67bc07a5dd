SELECT workflow, records, bytes, removed_records, removed_bytes FROM workflow_use ORDER BY bytes DESC, workflow LIMIT ?1
