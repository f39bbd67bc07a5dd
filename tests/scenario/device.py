# SPDX-License-Identifier: Apache-2.0
"""A device in a folder of its own: the real programs, started, asked, killed and looked at from outside.

Everything that a test starts goes through Device or `ebb`, so that everything is ended again: each
daemon has a process group of its own, which `close` kills, and every wait has an end.
"""
import contextlib
import datetime
import http.client
import json
import os
import pathlib
import signal
import socket
import sqlite3
import stat
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("EBB_BUILD") or ROOT / "build").resolve()
EBB = BUILD / "ebb"
MACHINE = os.environ.get("EBB_MACHINE") or os.uname().machine  # of the programs, which may run under qemu-user
PATIENCE = float(os.environ.get("EBB_TEST_PATIENCE", "30"))

DATA = ROOT / "build" / "data"
# Releases of ONNX Runtime: those that tools/fetch-npm fetches, or the one that the caller names.
LIBRARIES = {
    "sherpa": DATA / f"onnxruntime-{MACHINE}" / "libonnxruntime.so",
    "node": DATA / "onnxruntime-node" / "bin" / "napi-v6" / "linux" /
            {"x86_64": "x64", "aarch64": "arm64"}.get(MACHINE, "none") / "libonnxruntime.so.1",
} if "EBB_ONNXRUNTIME" not in os.environ else {"named": pathlib.Path(os.environ["EBB_ONNXRUNTIME"]).resolve()}


class Waited(AssertionError):
    """What a test waited for did not come."""


def until(what, condition, patience=PATIENCE, pause=0.02):
    """The first true answer of `condition`; Waited when there is none in time."""
    end = time.monotonic() + patience
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Waited(f"{what}: not within {patience:.0f} s")
        time.sleep(pause)


def seconds(text):
    """Of a moment as programs say it, UTC without a zone: seconds since 1970."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp()


def clean_environment(more=None):
    """What a test's programs see: nothing of the caller's that ebb listens to."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("EBB_") and name not in ("NO_COLOR", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "CREDENTIALS_DIRECTORY")}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        if name in os.environ:
            kept[name] = os.environ[name]
    kept.update(more or {})
    return kept


class Answer:
    """What a command said: its exit code, standard output and standard error."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def lines(self):
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]

    def __repr__(self):
        return f"exit code {self.code}\n--- standard output\n{self.out}\n--- standard error\n{self.err}"


def ebb(*words, stdin=None, folder=None, environment=None, patience=PATIENCE, program=EBB):
    """Runs `ebb WORDS` to its end and gives back what it said."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    child = subprocess.Popen([str(program), *map(str, words)], cwd=folder,
                             env=clean_environment(environment),
                             stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        out, err = child.communicate(stdin, timeout=patience)
    except subprocess.TimeoutExpired:
        kill_group(child)
        out, err = child.communicate()
        raise Waited(f"`ebb {' '.join(map(str, words))}` did not end within {patience:.0f} s\n"
                     f"{out.decode(errors='replace')}\n{err.decode(errors='replace')}") from None
    finally:
        kill_group(child)
    return Answer(child.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def kill_group(child):
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("ebb", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Device:
    """One data folder with its workflows, agents and socket; its daemon, while one runs."""

    def __init__(self, folder, build=BUILD):
        self.folder = pathlib.Path(folder)
        self.build = build
        self.data = self.folder / "data"
        self.workflows = self.folder / "workflows"
        self.agents = self.folder / "agents"
        self.inbox = self.folder / "inbox"
        self.socket = self.folder / "ebb.sock"
        self.log_path = self.folder / "daemon.log"
        self.daemon = None
        self.started = []
        for path in (self.data, self.workflows, self.agents, self.inbox):
            path.mkdir(parents=True, exist_ok=True)

    # --- what it is made of -------------------------------------------------------------------

    def workflow(self, name, text):
        """Writes workflows/NAME.yaml; INBOX in the text becomes the folder's path."""
        path = self.workflows / f"{name}.yaml"
        temporary = path.with_suffix(".new")
        temporary.write_text(text.replace("INBOX", str(self.inbox)))
        temporary.rename(path)
        return path

    def agent(self, name, manifest, **files):
        """Writes agents/NAME/agent.yaml and the files beside it, those with a first line #! executable."""
        folder = self.agents / name
        folder.mkdir(parents=True, exist_ok=True)
        for file_name, text in files.items():
            path = folder / file_name.replace("__", ".")
            path.write_text(text)
            if text.startswith("#!"):
                path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        (folder / "agent.yaml").write_text(manifest)
        return folder

    def drop(self, name, content=b"x"):
        """Puts a whole file into the inbox, the way a careful program does: written aside, then renamed."""
        if isinstance(content, str):
            content = content.encode()
        aside = self.folder / f".{name}.part"
        aside.write_bytes(content)
        aside.rename(self.inbox / name)

    # --- its daemon ---------------------------------------------------------------------------

    def start(self, *words, environment=None, wait=True, patience=PATIENCE, prefix=()):
        """Starts `ebb serve` and waits until it is ready."""
        assert self.daemon is None or self.daemon.poll() is not None
        log = open(self.log_path, "ab")
        self.daemon = subprocess.Popen(
            [*prefix, str(self.build / "ebb"), "serve", "--data", str(self.data), "--workflows", str(self.workflows),
             "--agents", str(self.agents), "--socket", str(self.socket), *map(str, words)],
            env=clean_environment(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, cwd=self.folder)
        log.close()
        self.started.append(self.daemon)
        if wait:
            self.wait_ready(patience)
        return self.daemon

    def wait_ready(self, patience=PATIENCE):
        def ready():
            if self.daemon.poll() is not None:
                raise Waited(f"the daemon ended with {self.daemon.returncode}\n{self.log()}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.ask("GET", "/readyz")[0] == 200
            return False

        try:
            until("the daemon is ready", ready, patience)
        except Waited as waited:
            raise Waited(f"{waited}\n{self.log()}") from None

    def kill(self):
        """SIGKILL, as a power cut of the process alone."""
        self.daemon.kill()
        self.daemon.wait(PATIENCE)

    def stop(self, patience=PATIENCE):
        """SIGTERM; the exit code."""
        self.daemon.terminate()
        return self.daemon.wait(patience)

    def ended(self, patience=PATIENCE):
        """Waits for the daemon to end by itself; the exit code."""
        try:
            return self.daemon.wait(patience)
        except subprocess.TimeoutExpired:
            raise Waited(f"the daemon did not end within {patience:.0f} s\n{self.log()}") from None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def memory_bytes(self):
        """Resident memory of the daemon alone."""
        for line in pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def close(self):
        for child in self.started:
            kill_group(child)
            child.wait()

    # --- asking it ----------------------------------------------------------------------------

    def ask(self, method, path, body=None, timeout=10):
        """Code and text of an answer on the Unix socket."""
        connection = _SocketConnection(str(self.socket), timeout)
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def post(self, path, body, key):
        """Code of the answer to an event that is posted under a key of its own."""
        connection = _SocketConnection(str(self.socket), 10)
        try:
            connection.request("POST", path, body=json.dumps(body),
                               headers={"Content-Type": "application/json", "Idempotency-Key": key})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def fetch(self, path):
        """Code and bytes of an answer."""
        connection = _SocketConnection(str(self.socket), 10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path):
        """The JSON of an answer that must be good."""
        code, text = self.ask("GET", path)
        assert 200 <= code < 300, f"GET {path}: {code} {text}"
        return json.loads(text)

    def cli(self, *words, **more):
        return ebb(*words, "--socket", self.socket, **more)

    def counts(self, workflow):
        """The numbers of one workflow from /v1/workflows."""
        for row in self.get("/v1/workflows")["workflows"]:
            if row["name"] == workflow:
                return row
        raise AssertionError(f"no workflow {workflow}")

    # --- looking at what is on disk -----------------------------------------------------------

    def rows(self, sql, *values):
        """Rows of the database, read as another program would."""
        connection = sqlite3.connect(f"file:{self.data}/ebb.db?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def results(self, workflow=None):
        """The stored results' JSON in the order in which they were written, by lane."""
        sql = "SELECT result FROM workflow_results"
        rows = self.rows(sql + (" WHERE workflow_id = ?" if workflow else ""),
                         *([workflow] if workflow else []))
        return [json.loads(row[0]) for row in rows]

    def records(self, kind):
        """Name, lane and JSON of every record of a kind: 1 result, 2 failure, 3 gap, 4 alarm."""
        rows = self.rows("SELECT name, key >> 40 & 7, body FROM record WHERE kind & 255 = ? ORDER BY key",
                         kind)
        return [(name, lane, json.loads(body)) for name, lane, body in rows]

    def wait_results(self, count, workflow=None, patience=PATIENCE):
        """Waits until there are so many results, and gives them back."""
        def enough():
            with contextlib.suppress(sqlite3.OperationalError):
                found = self.results(workflow)
                return found if len(found) >= count else None
            return None

        try:
            return until(f"{count} results", enough, patience)
        except Waited as waited:
            have = len(self.results(workflow)) if (self.data / "ebb.db").exists() else 0
            raise Waited(f"{waited}: there are {have}\n{self.log()[-4000:]}") from None
