# SPDX-License-Identifier: Apache-2.0
"""People and programs at the hub: who comes in, what they may, what is remembered of it; no browser is needed."""
import contextlib
import json
import re
import signal
import subprocess
import time

import pytest

import device as devices
import hub as hubs
import people


@pytest.fixture
def hub(tmp_path):
    one = hubs.Hub(tmp_path)
    yield one
    one.close()


def deeds(one, **query):
    words = "&".join(f"{name}={value}" for name, value in query.items())
    code, answer = one.get(f"/v1/audit?{words}")
    assert code == 200, answer
    return [(deed["who"], deed["what"], deed["details"]) for deed in answer["deeds"]]


# --- logging in -------------------------------------------------------------------------------------


def test_first_admin_has_to_change_the_password_that_is_printed(hub):
    address, first = people.start(hub)
    one = people.Visitor(address)
    assert one.get("/v1/me") == (200, {"name": None, "role": "none", "may": [], "must_change": False})
    assert one.get("/v1/devices")[0] == 401
    code, answer = one.post("/v1/login", {"name": "admin", "password": "something else"})
    assert (code, answer["error"]["text"]) == (401, "this name and this password do not go together")
    assert one.post("/v1/login", {"name": "admin", "password": first})[0] == 200
    code, answer = one.get("/v1/devices")
    assert code == 403 and "change the first password" in answer["error"]["text"]
    code, answer = one.post("/v1/password", {"old": first, "new": "short"})
    assert code == 400 and "10 to 256" in answer["error"]["text"]
    code, answer = one.post("/v1/password", {"old": first, "new": first})
    assert code == 400 and "is the old one" in answer["error"]["text"]
    assert one.post("/v1/password", {"old": "not this one", "new": people.PASSWORD})[0] == 401
    assert one.post("/v1/password", {"old": first, "new": people.PASSWORD})[0] == 200
    assert one.get("/v1/devices")[0] == 200
    hub.stop()
    hub.start("--people", address)  # what was changed is there afterwards, and so is the log-in
    assert one.get("/v1/devices")[0] == 200
    assert hub.log().count("with the password") == 1


def test_password_is_nowhere_in_the_database_or_the_log(hub):
    one = people.admin(hub)
    code, made = one.post("/v1/people", {"name": "anna", "role": "viewer"})
    code, token = one.post("/v1/access", {"name": "panel", "may": "read"})
    assert code == 200
    secret = one.cookie.split("=")[1]
    hub.stop()
    kept = b"".join((hub.data / name).read_bytes() for name in ("hub.db", "hub.db-wal") if (hub.data / name).exists())
    for word in (people.PASSWORD, made["password"], token["token"], token["token"][-32:], secret):
        assert word.encode() not in kept, word
        assert word not in hub.log()


def test_ten_wrong_passwords_lock_a_name_and_say_so(hub):
    one = people.admin(hub)
    people.person(one, "anna", "viewer")
    said = []
    for n in range(12):
        guest = people.Visitor(one.address, source=f"127.0.0.{n + 20}")  # each from another address: the name is what counts
        said.append(guest.post("/v1/login", {"name": "anna", "password": f"wrong {n}"}))
    assert {code for code, _ in said} == {401}
    assert "do not go together" in said[0][1]["error"]["text"]
    assert "takes none for 15 minutes" in said[-1][1]["error"]["text"]
    guest = people.Visitor(one.address)
    code, answer = guest.post("/v1/login", {"name": "anna", "password": people.PASSWORD})
    assert code == 401, "it is locked for the right one as well"
    assert [person["locked"] for person in one.get("/v1/people")[1]["people"]] == [False, True]
    assert any("is locked" in what for _, what, _ in deeds(one))
    assert one.post("/v1/people/anna/unlock")[0] == 200
    assert guest.post("/v1/login", {"name": "anna", "password": people.PASSWORD})[0] == 200


def test_who_guesses_waits_and_is_told_how_long(hub):
    address, _ = people.start(hub)
    guest = people.Visitor(address)
    codes = [guest.post("/v1/login", {"name": f"nobody{n}", "password": "guessed"})[0] for n in range(11)]
    assert codes == [401] * 10 + [429]
    assert 0 < int(guest.last["retry-after"]) <= 301
    assert guest.get("/v1/me")[0] == 429
    assert people.Visitor(address, source="127.0.0.2").post("/v1/login", {"name": "x", "password": "y"})[0] == 401


def test_a_password_takes_as_long_whether_the_name_is_there_or_not(hub):
    one = people.admin(hub)
    taken = {}
    for name in ("admin", "nobody"):
        times = []
        for n in range(4):
            began = time.process_time(), time.monotonic()
            guest = people.Visitor(one.address, source=f"127.0.1.{n + 1}")
            assert guest.post("/v1/login", {"name": name, "password": "wrong"})[0] == 401
            times.append(time.monotonic() - began[1])
        taken[name] = min(times)
    assert taken["nobody"] > taken["admin"] / 4, taken  # a look-up alone would take a hundredth


# --- sessions ---------------------------------------------------------------------------------------


def test_stolen_cookie_opens_nothing_elsewhere_and_ends(hub):
    one = people.admin(hub)
    thief = people.Visitor(one.address, source="127.0.0.7")
    thief.cookie = one.cookie
    code, answer = thief.get("/v1/devices")
    assert code == 401 and "at another address" in answer["error"]["text"]
    devices.until("the log-in has ended", lambda: one.get("/v1/devices")[0] == 401)
    assert one.post("/v1/login", {"name": "admin", "password": people.PASSWORD})[0] == 200
    assert any("used from another address" in what and details == "127.0.0.7" for _, what, details in deeds(one))
    assert "127.0.0.7" in hub.log()


def test_logging_out_and_a_new_password_end_sessions(hub):
    one = people.admin(hub)
    other = people.Visitor(one.address)
    assert other.post("/v1/login", {"name": "admin", "password": people.PASSWORD})[0] == 200
    cookie = other.cookie
    assert other.post("/v1/logout")[0] == 200
    assert other.cookie is None
    other.cookie = cookie
    assert other.get("/v1/devices")[0] == 401
    assert other.post("/v1/login", {"name": "admin", "password": people.PASSWORD})[0] == 200
    assert one.post("/v1/password", {"old": people.PASSWORD, "new": "another long password"})[0] == 200
    assert other.get("/v1/devices")[0] == 401
    assert one.get("/v1/devices")[0] == 200


def test_what_another_page_sends_is_refused(hub):
    one = people.admin(hub)
    for origin, more in ((None, {}), ("http://evil.example", {}), (f"http://{one.address}.evil.example", {}), ("null", {}),
                         (f"http://evil.example/{one.address}", {}), (True, {"Sec_Fetch_Site": "cross-site"})):
        code, answer = one.post("/v1/people", {"name": "eve", "role": "admin"}, origin=origin, **more)
        assert code == 403 and "another page" in answer["error"]["text"], (origin, code, answer)
    assert "eve" not in str(one.get("/v1/people"))
    assert "SameSite=Strict" in people_cookie(one) and "HttpOnly" in people_cookie(one)


def people_cookie(one):
    other = people.Visitor(one.address)
    other.post("/v1/login", {"name": "admin", "password": people.PASSWORD})
    return other.last["set-cookie"]


# --- what they may ----------------------------------------------------------------------------------


def test_roles_may_what_their_names_say(hub):
    one = people.admin(hub)
    code, joined = one.post("/v1/access", {"name": "meter"})  # a program that brings results is a device of the list
    assert code == 200
    viewer, operator = people.person(one, "vera", "viewer"), people.person(one, "otto", "operator")
    wishes = [("GET", "/v1/devices", None), ("GET", "/v1/audit", None), ("POST", "/v1/devices/meter/labels", {"hall": "b"}),
              ("POST", "/v1/tokens", {}), ("POST", "/v1/devices/meter/revoke", {}), ("GET", "/v1/people", None),
              ("POST", "/v1/access", {"name": "more"}), ("POST", "/v1/people", {"name": "x", "role": "admin"}),
              ("DELETE", f"/v1/access/{joined['id']}", None), ("GET", "/v1/backup", None)]
    assert [viewer.ask(*wish)[0] for wish in wishes] == [200] + [403] * 9
    assert [operator.ask(*wish)[0] for wish in wishes] == [200, 200, 200, 200] + [403] * 6
    assert "operators and admins have" in viewer.ask(*wishes[2])[1]["error"]["text"]
    assert [one.ask(*wish)[0] for wish in wishes] == [200] * 10
    assert ("otto", "POST /v1/devices/meter/labels", '{"hall": "b"}') in deeds(one, words="meter")
    assert not any(who == "vera" and "labels" in what for who, what, _ in deeds(one))
    assert one.ask("POST", "/v1/backup", {"path": str(hub.folder / "backup.ebb"), "key": "none"})[0] in (200, 400)
    devices.until("the backup is a deed", lambda: any(what == "POST /v1/backup" for _, what, _ in deeds(one)))


def test_somebody_stays_who_may_do_all(hub):
    one = people.admin(hub)
    for wish in (("DELETE", "/v1/people/admin"), ("POST", "/v1/people/admin/role", {"role": "viewer"})):
        code, answer = one.ask(*wish)
        assert code == 409 and "make another an admin first" in answer["error"]["text"]
    other = people.person(one, "ada", "admin")
    assert other.ask("DELETE", "/v1/people/admin")[0] == 200
    assert one.get("/v1/devices")[0] == 401


def test_tokens_of_programs_have_rights_and_an_end(hub):
    one = people.admin(hub)
    made = {may: one.post("/v1/access", {"name": f"p{n}", "may": may})[1]["token"]
            for n, may in enumerate(("read", "bring", "read,operate", "admin"))}
    panel = people.Visitor(one.address, token=made["read"])
    assert panel.get("/v1/results")[0] == 200
    assert panel.get("/v1/me")[1] == {"name": "token:p0", "role": "viewer", "may": ["read"], "must_change": False}
    assert panel.post("/v1/devices/p1/labels", {"a": "b"}, origin=None)[0] == 403
    code, answer = panel.post("/api/sync", {"device_id": "x", "results": []}, origin=None)
    assert code == 403 and "may read, and nothing else" in answer["error"]["text"]
    bringer = people.Visitor(one.address, token=made["bring"])
    assert bringer.get("/v1/results")[0] == 403
    assert bringer.post("/api/sync", {"device_id": "x", "results": []}, origin=None)[0] == 200
    assert people.Visitor(one.address, token=made["read,operate"]).post("/v1/devices/p1/labels", {"a": "b"}, origin=None)[0] == 200
    assert one.post("/v1/access", {"name": "x", "may": "everything"})[0] == 400
    code, short = one.post("/v1/access", {"name": "short", "may": "read", "ttl_ms": 1000})
    brief = people.Visitor(one.address, token=short["token"])
    assert brief.get("/v1/results")[0] == 200
    devices.until("its time is up", lambda: brief.get("/v1/results")[0] == 401)
    assert "time of this token for access is up" in brief.get("/v1/results")[1]["error"]["text"]
    assert one.ask("DELETE", f"/v1/access/{one.get('/v1/access')[1]['access'][-1]['id']}")[0] == 200
    assert panel.get("/v1/results")[0] == 401


def test_a_proxy_is_believed_from_its_address_alone(hub):
    settings = hub.folder / "hub.yaml"
    settings.write_text("ebb: 1\npeople:\n  proxy: { from: 127.0.0.1, header: X-Remote-User, role: viewer }\n")
    one = people.admin(hub, "--config", settings)
    assert one.post("/v1/people", {"name": "anna", "role": "operator", "password": False})[0] == 200
    by = {name: people.Visitor(one.address, headers={"X-Remote-User": name}) for name in ("anna", "guest@firm.example")}
    assert by["anna"].get("/v1/me")[1]["role"] == "operator"
    assert by["guest@firm.example"].get("/v1/me")[1]["role"] == "viewer"
    assert people.Visitor(one.address, headers={"X-Remote-User": "<script>"}).get("/v1/devices")[0] == 400
    elsewhere = people.Visitor(one.address, source="127.0.0.9", headers={"X-Remote-User": "anna"})
    assert elsewhere.get("/v1/devices")[0] == 401
    named = people.Visitor(one.address, headers={"X-Remote-User": "anna", "X-Forwarded-For": "9.9.9.9, 203.0.113.5",
                                                 "X-Forwarded-Host": "hub.example"})
    assert named.post("/v1/tokens", {}, origin="https://hub.example")[0] == 200
    assert named.post("/v1/tokens", {}, origin="https://evil.example")[0] == 403
    answer = one.get("/v1/audit?who=anna")[1]["deeds"]
    assert [deed["source"] for deed in answer] == ["203.0.113.5"]
    assert people.Visitor(one.address).post("/v1/login", {"name": "anna", "password": ""})[0] == 400
    assert people.Visitor(one.address).post("/v1/login", {"name": "anna", "password": "anything"})[0] == 401


@pytest.mark.parametrize("text, says", [
    ("people: { overdue: 10 }", "overdue"), ("people: { proxy: { from: 127.0.0.1 } }", "header"),
    ("people: { proxy: { from: 127.0.0.1, header: X, role: king } }", "viewer, operator or admin"),
    ("people: { proxi: {} }", "proxy")])
def test_faults_of_the_file_are_said(hub, text, says):
    settings = hub.folder / "hub.yaml"
    settings.write_text(f"ebb: 1\n{text}\n")
    hub.start("--people", "127.0.0.1:0", "--config", settings, wait=False)
    assert hub.daemon.wait(devices.PATIENCE) == 78
    assert says in hub.log()


# --- the API, for programs --------------------------------------------------------------------------


def test_what_was_done_under_a_key_is_done_once(hub):
    one = people.admin(hub)
    one.post("/v1/access", {"name": "meter"})
    wish = {"Idempotency_Key": "label-1"}
    first = one.post("/v1/devices/meter/labels", {"hall": "b"}, **wish)
    assert one.post("/v1/devices/meter/labels", {"hall": "c"})[1]["labels"] == {"hall": "c"}
    assert one.post("/v1/devices/meter/labels", {"hall": "b"}, **wish) == first
    assert one.get("/v1/devices/meter")[1]["labels"] == {"hall": "c"}, "it was not done again"
    code, answer = one.post("/v1/devices/meter/labels", {"hall": "d"}, **wish)
    assert code == 409 and "another request" in answer["error"]["text"]
    assert one.post("/v1/tokens", {}, Idempotency_Key="token-1")[0] == 200
    code, answer = one.post("/v1/tokens", {}, Idempotency_Key="token-1")
    assert code == 409 and "told once" in answer["error"]["text"]
    assert len(one.get("/v1/tokens")[1]["tokens"]) == 2, "that of the hub's start, and one"
    assert one.post("/v1/tokens", {}, Idempotency_Key="x" * 300)[0] == 400


def test_answers_have_an_etag(hub):
    one = people.admin(hub)
    assert one.get("/v1/alarms")[0] == 200
    etag = one.last["etag"]
    assert one.get("/v1/alarms", If_None_Match=etag) == (304, "")
    one.post("/v1/access", {"name": "meter"})
    assert one.get("/v1/devices")[0] == 200 and one.last["etag"] != etag
    assert one.get("/")[0] == 200
    assert one.get("/", If_None_Match=one.last["etag"])[0] == 304


def routes_of_the_sources():
    """Paths and methods as src/hub/api/routes.c has them."""
    text = (devices.ROOT / "src" / "hub" / "api" / "routes.c").read_text()
    table = text[text.index("HUB_REGISTRY_ROUTES"):text.index("HUB_ENROLMENT_ROUTES")]
    for path, *methods in re.findall(r'\{"(/v1/\w+)",\s*(NULL|"[^"]*"),\s*(NULL|"[^"]*"),\s*(NULL|"[^"]*")', table):
        for depth, words in enumerate(methods):
            for method in re.findall(r"[A-Z]{3,}", words.replace("NULL", "")):
                yield path, depth, method.lower()


def test_the_description_has_every_route_and_no_other(hub):
    address, _ = people.start(hub)
    code, api = people.Visitor(address).get("/v1/openapi.json")
    assert (code, api["openapi"]) == (200, "3.1.0")
    described = {(path, method) for path, operations in api["paths"].items() if path.startswith("/v1/") for method in operations}
    found = set()
    for path, depth, method in routes_of_the_sources():
        alike = {(one, how) for one, how in described
                 if how == method and one.split("/")[2] == path.split("/")[2] and len(one.split("/")) == 3 + depth}
        assert alike, f"{method} {path} with {depth} more is not described"
        found |= alike
    own = {"/v1/me", "/v1/login", "/v1/logout", "/v1/password", "/v1/results", "/v1/results/{ID}", "/v1/tail", "/v1/status",
           "/v1/workflows", "/v1/workflows/{NAME}", "/v1/blobs/{HASH}", "/v1/blobs/{HASH}/want", "/v1/backup", "/v1/queue",
           "/v1/openapi.json", "/v1/query", "/v1/destinations", "/v1/health"}
    assert {one for one in described - found if one[0] not in own} == set()
    for path, operations in api["paths"].items():
        for operation in operations.values():
            said = {parameter.get("name") for parameter in operation["parameters"] if parameter.get("in") == "path"}
            assert said == set(re.findall(r"\{(\w+)\}", path)), path


def test_wrong_questions_are_refused_with_a_sentence(hub):
    one = people.admin(hub)
    for path, says in (("/v1/devices?sort=size", "sort is name"), ("/v1/devices?need=money", "need is any"),
                       ("/v1/devices?state=odd", "active, revoked or left"), ("/v1/devices?limit=0", "1 to 1000"),
                       ("/v1/devices?sort=needs&after=x", "what the page before says"), ("/v1/overview?hours=zero", "whole number"),
                       ("/v1/audit?before=x", "whole number"), ("/v1/results?workflow=" + "w" * 300, "at most 255 bytes"),
                       ("/v1/results?lane=fast", "no lane is called"), ("/v1/nothing", "no resource")):
        code, answer = one.get(path)
        assert code in (400, 404) and says in answer["error"]["text"], (path, code, answer)
    assert one.get("/v1/devices?words=" + "w" * 20000)[0] in (413, 414, 431, 400)
    assert one.post("/v1/login", {"name": "x" * 5000, "password": "y"})[0] == 400
    assert one.get("/v1/devices")[0] == 200


# --- commands ---------------------------------------------------------------------------------------


def test_commands_make_change_and_remove_people(hub):
    address, _ = people.start(hub)
    made = hub.ebb("person", "new", "anna", "--role", "operator")
    assert made.code == 0 and re.fullmatch(r"[a-z0-9-]{22}\n", made.out)
    assert "changed at the first log-in" in made.err
    assert hub.ebb("person", "new", "anna").code != 0
    assert "letters, digits" in hub.ebb("person", "new", "an na").err
    listed = [json.loads(line) for line in hub.ebb("person", "list", "--json").out.splitlines()]
    assert [(one["name"], one["role"], one["must_change"]) for one in listed] == [("admin", "admin", True), ("anna", "operator", True)]
    visitor = people.Visitor(address)
    assert visitor.post("/v1/login", {"name": "anna", "password": made.out.strip()})[0] == 200
    again = hub.ebb("person", "change", "anna", "--new-password")
    assert again.code == 0 and again.out != made.out
    assert visitor.get("/v1/me")[1]["name"] is None
    assert "say one of" in hub.ebb("person", "change", "anna").err
    assert hub.ebb("person", "change", "anna", "--role", "admin").code == 0
    assert hub.ebb("person", "rm", "admin").code == 0
    assert "make another an admin first" in hub.ebb("person", "rm", "anna").err
    assert "nobody here is called 'bert'" in hub.ebb("person", "rm", "bert").err
    said = hub.ebb("audit", "list", "--words", "anna")
    assert "local:" in said.out and "POST /v1/people/anna/role" in said.out
    assert made.out.strip() not in said.out


# --- a device's own page ----------------------------------------------------------------------------


@contextlib.contextmanager
def opened(device, *words):
    """`ebb open` and the link that it prints."""
    with subprocess.Popen([str(devices.EBB), "open", "--socket", str(device.socket), "--json", *words], stdout=subprocess.PIPE,
                          env=devices.clean_environment(None), start_new_session=True) as child:
        try:
            yield child, json.loads(child.stdout.readline())["url"]
        finally:
            devices.kill_group(child)


def test_open_lets_one_browser_in_once(device):
    device.start()
    with opened(device) as (child, url):
        address, key = re.fullmatch(r"http://([^/]+)(/\?key=.*)", url).groups()
        one, late = people.Visitor(address), people.Visitor(address)
        assert one.get("/v1/status")[0] == 403, "nobody is in yet"
        assert one.get("/?key=" + "0" * 32)[0] == 403
        assert one.get(key)[0] == 303 and one.cookie
        assert late.get(key)[0] == 403, "the link was used"
        assert late.get("/")[0] == 403
        assert one.get("/")[0] == 200 and "default-src 'none'" in one.last["content-security-policy"]
        assert one.get("/v1/me")[1]["is_device"] is True
        assert one.get("/v1/status")[1]["pid"] == device.daemon.pid
        assert one.get("/v1/logs?limit=1")[1]["lines"][0]["number"] >= 1
        assert len(one.get("/v1/logs?limit=1")[1]["lines"]) == 1
        assert one.get("/v1/workflows/none")[0] == 404
        assert one.post("/v1/reload", origin="http://evil.example")[0] == 403
        assert one.post("/v1/reload", origin=None)[0] == 403
        assert one.post("/v1/reload")[0] == 200
        assert one.get("/v1/status", Host="evil.example")[0] == 403
        device.kill()
        code, answer = one.get("/v1/status")
        assert code == 502 and answer["error"]["text"], "the daemon is away, and the page says so"
        child.send_signal(signal.SIGINT)
        assert child.wait(devices.PATIENCE) == 0


def test_open_says_when_nobody_is_there(device):
    said = devices.ebb("open", "--socket", device.socket)
    assert said.code != 0 and "ebb serve" in said.err
    assert "--port wants" in devices.ebb("open", "--port", "x").err
