# SPDX-License-Identifier: Apache-2.0
"""A person or a program at the hub's port for them: HTTP as a browser speaks it, or as a program does."""
import http.client
import json
import re

import device as devices

PASSWORD = "a horse, a battery, a staple"


class Visitor:
    """One who asks; `cookie` or `token` is shown where there is one."""

    def __init__(self, address, token=None, source=None, headers=None):
        self.address, self.token, self.source, self.headers = address, token, source, headers or {}
        self.cookie, self.last = None, {}

    def ask(self, method, path, body=None, origin=True, **headers):
        """(code, what was answered); `last` has the answer's headers. `origin`: True our own, None none, or a text."""
        host, port = self.address.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=devices.PATIENCE,
                                                source_address=(self.source, 0) if self.source else None)
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.cookie:
            sent["Cookie"] = self.cookie
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if origin and method != "GET":
            sent["Origin"] = f"http://{self.address}" if origin is True else origin
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        self.last = {name.lower(): value for name, value in answer.getheaders()}
        if "set-cookie" in self.last:
            cookie = self.last["set-cookie"].split(";")[0]
            self.cookie = cookie if not cookie.endswith("=") else None
        is_json = self.last.get("content-type", "").startswith("application/json")
        return answer.status, json.loads(text) if is_json and text else text.decode(errors="replace")

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, body=None, **more):
        return self.ask("POST", path, {} if body is None else body, **more)


def start(hub, *words, **more):
    """Starts a hub with a page, by more for Hub.start; (its address, the first password of `admin`, or None)."""
    hub.start("--people", "127.0.0.1:0", *words, **more)
    devices.until("the hub has said where its page is", lambda: "Its page is" in hub.log())
    said = hub.log()
    address = re.findall(r"Its page is https?://([^/]+)/", said)[-1]
    password = re.search(r"with the password ([a-z0-9-]+),", said)
    return address, password and password[1]


def admin(hub, *words, source=None, **more):
    """A hub's first admin, logged in, with a password of their own."""
    address, first = start(hub, *words, **more)
    one = Visitor(address, source=source)
    code, answer = one.post("/v1/login", {"name": "admin", "password": first})
    assert (code, answer["must_change"]) == (200, True), answer
    code, answer = one.post("/v1/password", {"old": first, "new": PASSWORD})
    assert code == 200, answer
    return one


def person(one, name, role):
    """Somebody with that role, made by `one`, logged in, with a password of their own."""
    code, made = one.post("/v1/people", {"name": name, "role": role})
    assert code == 200, made
    other = Visitor(one.address, source=one.source)
    assert other.post("/v1/login", {"name": name, "password": made["password"]})[0] == 200
    assert other.post("/v1/password", {"old": made["password"], "new": PASSWORD})[0] == 200
    return other
