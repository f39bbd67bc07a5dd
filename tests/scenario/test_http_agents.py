# SPDX-License-Identifier: Apache-2.0
"""Agents that are services elsewhere: up, down, slow, in TLS, behind a proxy, talking nonsense."""
import json
import pathlib
import ssl
import subprocess

import pytest

import device as devices
import service as services

WORKFLOW = """\
ebb: 1
workflow: far
trigger:
  watch: { path: INBOX, glob: "*.in", text: true }
durability: { runs: each, results: each }
steps:
  - id: ask
    agent: far
    with:
      text: ${ .event.text }
STEP
results:
  - name: out
    from:
      name: ${ .event.name }
      said: ${ .steps.ask }
"""
# Of this machine, nothing that leads elsewhere.
PROXIES = {name: "" for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy",
                                 "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")}


def manifest(url, more=""):
    return f"ebb: 1\nagent: far\nversion: 1.0.0\nkind: http\nurl: {url}\n{more}"


@pytest.fixture
def serve():
    """serve(answer) starts a service; all end with the test."""
    running = []

    def start(answer, **more):
        running.append(services.Service(answer, **more))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def proxy():
    running = []

    def start(**more):
        running.append(services.Proxy(**more))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def start(device):
    """start(url) has a daemon whose one workflow asks there."""
    def begin(url, step="    timeout: 20s\n", more="", environment=None):
        device.agent("far", manifest(url, more))
        device.workflow("far", WORKFLOW.replace("STEP\n", step))
        device.start(environment={**PROXIES, **(environment or {})})
        return device

    return begin


def failure_of(device, text="x"):
    """Drops one event and gives back the failure that it makes."""
    before = len(device.records(2))
    device.drop(f"event-{before}.in", text)
    devices.until("a failure", lambda: len(device.records(2)) > before)
    return device.records(2)[before][2]


def say(request):
    return 200, {"said": request.json()["text"].upper()}


def trial(device, url, more="", environment=None):
    """`ebb agent run`: its exit code says the class."""
    device.agent("far", manifest(url, more))
    return devices.ebb("agent", "run", "far", "--agents", device.agents, "--with", '{"text":"a"}',
                       environment={**PROXIES, **(environment or {})})


def test_a_service_answers_and_each_step_of_a_run_has_its_key(start, serve):
    service = serve(say)
    device = start(service.url + "/v1/say")
    device.drop("a.in", "one")
    device.drop("b.in", "two")
    assert sorted(row["said"]["said"] for row in device.wait_results(2)) == ["ONE", "TWO"]
    first, second = service.requests
    assert (first.method, first.path) == ("POST", "/v1/say")
    assert first.headers["Content-Type"] == "application/json"
    keys = {request.headers["Idempotency-Key"] for request in (first, second)}
    assert len(keys) == 2 and all(len(key) == 32 for key in keys)


def test_a_header_holds_a_secret_that_nobody_else_sees(device, serve):
    service = serve(say)
    secrets = device.folder / "secrets"
    secrets.mkdir(mode=0o700)
    more = "headers: { Authorization: 'Bearer secret:far-token', X-Site: plant-7 }\n"
    answer = trial(device, service.url, more, {"EBB__SECRETS__PATH": str(secrets)})
    assert answer.code != 0 and "far-token" in answer.err and service.requests == [], answer
    (secrets / "far-token").write_text("abc-123\n")
    (secrets / "far-token").chmod(0o600)
    answer = trial(device, service.url, more, {"EBB__SECRETS__PATH": str(secrets)})
    assert json.loads(answer.out) == {"said": "A"} and "abc-123" not in answer.out + answer.err, answer
    assert service.requests[0].headers["Authorization"] == "Bearer abc-123"
    assert service.requests[0].headers["X-Site"] == "plant-7"


def test_a_run_waits_for_a_service_that_is_down_also_through_a_kill(start, serve):
    port = services.free_port()
    device = start(f"http://127.0.0.1:{port}/")
    device.drop("a.in", "patience")
    devices.until("the run waits", lambda: device.counts("far")["waiting"] == 1)
    assert device.records(2) == [] and device.results() == []
    device.kill()
    service = serve(say, port=port)
    device.start(environment=PROXIES)
    assert device.wait_results(1)[0]["said"] == {"said": "PATIENCE"}
    assert len(service.requests) == 1


def test_a_key_is_the_same_after_a_kill(start, serve):
    service = serve(lambda request: service.hang() or (200, {}))
    device = start(service.url)
    device.drop("a.in", "x")
    devices.until("it is asked", lambda: len(service.requests) == 1)
    device.kill()
    device.start(environment=PROXIES)
    devices.until("it is asked again", lambda: len(service.requests) == 2)
    first, second = service.requests
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


def test_on_error_is_taken_at_once_where_it_is_given(start):
    device = start(f"http://127.0.0.1:{services.free_port()}/", "    on_error: { use: { said: nothing } }\n")
    device.drop("a.in", "x")
    assert device.wait_results(1)[0]["said"] == {"said": "nothing"}


def test_a_slow_service_is_a_timeout_and_the_next_call_is_answered(start, serve):
    service = serve(lambda request: service.hang() if request.json()["text"] == "slow" else say(request))
    device = start(service.url, "    timeout: 2s\n")
    failure = failure_of(device, "slow")
    assert failure["class"] == "timeout" and "did not answer in time" in failure["text"]
    device.drop("b.in", "fast")
    assert device.wait_results(1)[0]["said"] == {"said": "FAST"}


def test_a_service_that_is_busy_is_asked_again(start, serve):
    answers = [(429, "slow down", {"Retry-After": "1"}), (503, ""), (200, {"said": "at last"})]
    service = serve(lambda request: answers[len(service.requests) - 1])
    device = start(service.url, "    retry: { attempts: 3, backoff: 10ms, on: [busy] }\n")
    device.drop("a.in", "x")
    assert device.wait_results(1)[0]["said"] == {"said": "at last"}
    assert len({request.headers["Idempotency-Key"] for request in service.requests}) == 1


def test_a_busy_service_is_not_asked_before_it_says_and_a_deadline_ends_the_wait(start, device, serve):
    service = serve(lambda request: (503, "", {"Retry-After": "3600"}))
    device.workflow("far", WORKFLOW.replace("durability:", "deadline: 3s\ndurability:").replace("STEP\n", """\
    retry: { attempts: 9, backoff: 1ms, on: [busy] }
"""))
    device.agent("far", manifest(service.url))
    device.start(environment=PROXIES)
    failure = failure_of(device)
    assert failure["class"] == "expired" and "deadline" in failure["text"], failure
    assert len(service.requests) == 1


def test_what_is_answered_decides_what_a_retry_is_for(start, serve):
    service = serve(lambda request: (500, "it broke") if len(service.requests) < 3 else (200, {"said": "whole"}))
    device = start(service.url, "    retry: { attempts: 3, backoff: 10ms, on: [crash] }\n")
    device.drop("a.in", "x")
    assert device.wait_results(1)[0]["said"] == {"said": "whole"}


@pytest.mark.parametrize("answer, kind, words", [
    ((401, {"error": "no token"}), "denied", 'answered 401: {"error": "no token"}'),
    ((500, "it broke\n"), "crash", "answered 500: it broke"),
    ((404, ""), "invalid", "answered 404"),
    ((302, "", {"Location": "http://127.0.0.1:1/"}), "invalid", "'http://127.0.0.1:1/'"),
    ((200, "<!doctype html><title>Sign in</title>", {"Content-Type": "text/html"}), "invalid",
     "<!doctype html><title>Sign in</title>"),
    ((200, [1, 2]), "invalid", "[1, 2]"),
    ((200, "x" * (10 << 20)), "invalid", "more than 65536 bytes (limits.output)"),
    (None, "crash", "ask agent 'far'"),
])
def test_an_answer_that_is_no_output_fails_the_step_once(start, serve, answer, kind, words):
    service = serve(lambda request: answer)
    device = start(service.url)
    failure = failure_of(device)
    assert failure["class"] == kind and words in failure["text"], failure
    assert len(service.requests) == 1
    service.answer = say
    device.drop("next.in", "fine")
    assert device.wait_results(1)[0]["said"] == {"said": "FINE"}


def test_a_step_that_is_never_repeated_sends_its_request_once(start, serve):
    """The second request comes on a connection that the service closes: libcurl would send it anew."""
    step = "    repeat: never\n"
    service = serve(lambda request: say(request) if request.json()["text"] != "drop" else None)
    device = start(service.url, step)
    device.drop("a.in", "one")
    device.wait_results(1)
    assert failure_of(device, "drop")["class"] == "crash"
    assert [request.json()["text"] for request in service.requests] == ["one", "drop"]


def test_tls_is_verified(device, serve, tmp_path):
    services.make_certificates(tmp_path)
    context = {}
    for name in ("good", "other"):
        context[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context[name].load_cert_chain(tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
    good, other = serve(say, tls=context["good"]), serve(say, tls=context["other"])
    ours = f"ca: {tmp_path}/ca.pem\n"
    answer = trial(device, good.url, ours)
    assert json.loads(answer.out) == {"said": "A"}, answer
    for url, more in ((good.url, ""), (other.url, ours)):
        answer = trial(device, url, more)
        assert answer.code != 0 and "certificate" in answer.err, answer
    assert other.requests == []
    plain = serve(say)
    answer = trial(device, plain.url.replace("http:", "https:"), ours)
    assert answer.code != 0 and plain.requests == [], answer


def test_tls_goes_through_a_proxy_by_a_tunnel(device, serve, proxy, tmp_path):
    services.make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "good.pem", tmp_path / "good.key")
    service, way = serve(say, tls=context), proxy()
    answer = trial(device, service.url, f"ca: {tmp_path}/ca.pem\nproxy: {way.url}\n")
    assert json.loads(answer.out) == {"said": "A"}, answer
    assert way.lines == [f"CONNECT 127.0.0.1:{service.port} HTTP/1.1"]


def test_the_way_leads_through_a_proxy_by_manifest_or_environment(device, serve, proxy):
    service, way = serve(say), proxy()
    line = f"POST {service.url}/x HTTP/1.1"
    assert json.loads(trial(device, service.url + "/x", f"proxy: {way.url}\n").out) == {"said": "A"}
    assert way.lines == [line]
    assert json.loads(trial(device, service.url + "/x", environment={"http_proxy": way.url}).out) == {"said": "A"}
    assert way.lines == [line, line]
    trial(device, service.url + "/x", environment={"http_proxy": way.url, "no_proxy": "127.0.0.1"})
    assert way.lines == [line, line] and len(service.requests) == 3


def test_a_proxy_that_is_down_is_waited_for_and_one_that_refuses_is_not(start, device, serve, proxy):
    service = serve(say)
    port = services.free_port()
    start(service.url, more=f"proxy: http://127.0.0.1:{port}\n")
    device.drop("a.in", "x")
    devices.until("the run waits", lambda: device.counts("far")["waiting"] == 1)
    device.stop()
    refusing = proxy(refuse="407 Proxy Authentication Required")
    answer = trial(device, service.url.replace("http:", "https:"), f"proxy: {refusing.url}\n")
    assert "407" in answer.err and service.requests == [], answer


@pytest.fixture
def stuck_names(tmp_path):
    """The environment in which the name stuck.invalid is looked up for ever."""
    library = tmp_path / "slow_names.so"
    source = pathlib.Path(__file__).with_name("slow_names.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library, source], check=True)
    return {"LD_PRELOAD": str(library)}


def test_a_name_server_that_is_silent_holds_up_nothing_else(start, serve, stuck_names):
    service = serve(say)
    device = start("http://stuck.invalid/", "    timeout: 1s\n", environment=stuck_names)
    device.agent("near", manifest(service.url).replace("far", "near"))
    device.workflow("near", WORKFLOW.replace("STEP\n", "").replace("far", "near").replace("*.in", "*.near"))
    assert device.cli("workflow", "start", device.workflows / "near.yaml").code == 0
    device.drop("a.in", "x")
    devices.until("the run waits", lambda: device.counts("far")["waiting"] == 1)
    device.drop("b.near", "alive")
    assert device.wait_results(1, "near")[0]["said"] == {"said": "ALIVE"}
    assert device.stop() == 0
