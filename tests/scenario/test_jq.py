# SPDX-License-Identifier: Apache-2.0
"""jq that misbehaves is a failed step that names its place; the daemon lives and the others go on."""
import pytest

WORKFLOW = """\
ebb: 1
workflow: jq
trigger:
  watch: { path: INBOX, glob: "*.in", text: true }
steps:
  - id: odd
    when: .event.name == "odd.in"
    agent: filter
    with:
      x: |-
        ${ PROGRAM }
results:
  - name: out
    from:
      name: ${ .event.name }
"""

FILTER = "ebb: 1\nagent: filter\nversion: 1.0.0\nkind: jq\nfilter: '.'\n"

LOOP = "[range(1e12)] | length"
RECURSION = "def f: f; f"
ENDLESS = "last(repeat(1))"
GIGABYTE = '"x" * 1000000000'
TOO_MANY = "1, 2"
RAISED = 'error("on purpose")'
LARGE = "[range(2000000)]"
ROUNDED = ".event | 9007199254740993 + (.text | length)"


@pytest.mark.parametrize("program, words", [
    (LOOP, ["1"]),
    (RECURSION, []),
    (ENDLESS, []),
    (GIGABYTE, []),
    (TOO_MANY, ["in [ ]"]),
    (RAISED, ["on purpose"]),
    (LARGE, []),
])
def test_a_program_that_misbehaves_is_a_failure_with_its_place(device, program, words):
    device.agent("filter", FILTER)
    device.workflow("jq", WORKFLOW.replace("PROGRAM", program))
    device.start()
    daemon = device.daemon.pid
    device.drop("before.in")
    device.drop("odd.in")
    device.drop("after.in")
    found = device.wait_results(2)
    assert sorted(row["name"] for row in found) == ["after.in", "before.in"]
    ((_, lane, failure),) = device.records(2)
    assert lane == 3, "a failure lies in the lane that its result would have had"
    text = failure["text"]
    assert "11:" in text or "12:" in text, f"line and column: {text}"
    assert "jq" in text
    for word in words:
        assert word in text
    assert failure["step"] == "odd"
    assert device.daemon.poll() is None and device.daemon.pid == daemon
    assert device.ask("GET", "/healthz")[0] == 200


def test_a_loop_delays_others_by_its_second_alone(device):
    """Other runs' expressions that the killed child had not answered are asked again."""
    device.agent("filter", FILTER)
    device.workflow("jq", WORKFLOW.replace("PROGRAM", LOOP))
    device.workflow("other", """\
ebb: 1
workflow: other
trigger:
  watch: { path: INBOX, glob: "*.other", text: true }
results:
  - name: out
    from:
      upper: ${ .event.name | ascii_upcase }
""")
    device.start()
    device.drop("odd.in")
    for number in range(20):
        device.drop(f"{number}.other")
    found = device.wait_results(20, "other")
    assert sorted(row["upper"] for row in found) == sorted(f"{number}.OTHER" for number in range(20))
    assert not [name for name, _, body in device.records(2) if body.get("workflow") == "other"]


def test_jq_sees_no_environment_and_no_files(ebb, device):
    path = device.workflow("fence", """\
ebb: 1
workflow: fence
trigger: { stdin: json }
results:
  - name: out
    from:
      x: ${ .event.data.n | tostring | ascii_downcase }
""")
    answer = ebb("run", path, "--data", device.data, "--event", '{"n":12}', environment={"SECRET": "s"})
    assert answer.lines()[0]["result"] == {"x": "12"}, answer
