# Readings go in, results come out, and the database has them.
printf '%s\n' '{"room":"a1","t":-18}' '{"room":"a2","t":-9.5}' |
    "$EBB" run "$ROOT/examples/too-warm/too-warm.yaml" --data data 2>/dev/null |
    sed -E 's/"(id|run|created_at)":"[^"]*"/"\1":"..."/g'
python3 - <<'PYTHON'
import sqlite3
for row in sqlite3.connect("data/ebb.db").execute("SELECT workflow_id, result, synced FROM workflow_results"):
    print(row)
PYTHON
