# Faults go to standard output, each with its place; the exit code says whether there are any.
"$EBB" check "$ROOT/examples/too-warm/too-warm.yaml" 2>/dev/null
echo "exit code $?"

cat >bad.yaml <<'WORKFLOW'
ebb: 1
workflow: bad
trigger: { stdin: json }
steps:
  - id: one
    agent: nowhere
    timout: 2s
results:
  - name: out
    from:
      x: ${ .steps.two.x }
    window: { every: 1m }
WORKFLOW
"$EBB" check bad.yaml 2>/dev/null || echo "exit code $?"
"$EBB" check bad.yaml --json 2>/dev/null || echo "exit code $?"
"$EBB" check missing.yaml 2>/dev/null || echo "exit code $?"
