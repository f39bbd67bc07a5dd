# An agent is called without a workflow, a daemon or a configuration.
mkdir -p agents/twice
cat >agents/twice/agent.yaml <<'AGENT'
ebb: 1
agent: twice
version: 1.0.0
kind: jq
inputs:
  n: number
outputs:
  n: number
filter: "{n: (.n * 2)}"
AGENT
"$EBB" agent run twice --agents agents --with '{"n":21}'
"$EBB" agent run twice --agents agents --with '{"m":21}' 2>/dev/null || echo "exit code $?"
"$EBB" agent run thrice --agents agents 2>/dev/null || echo "exit code $?"
