# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL of a test's own, the real server of Debian: in a folder, on a Unix socket and a port of 127.0.0.1.

It does not run as root: there it is given to the user `nobody`, who may not log in.
"""
import contextlib
import glob
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

import device as devices
from service import free_port

OWNER = "postgres"  # the database's own name for who may do all


def programs():
    """The folder of the newest server's programs, or None."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    return pathlib.Path(found[-1]).parent if found else None


class Postgres:
    """One server; `start`, `kill` and `stop` as often as wanted."""

    def __init__(self):
        self.programs = programs()
        if self.programs is None:
            pytest.skip("PostgreSQL is not installed (tools/deps test)")
        self.user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ebb-postgres-"))
        self.folder.chmod(0o755)
        if self.user:
            os.chown(self.folder, 65534, 65534)
        self.data, self.port, self.server, self.words = self.folder / "data", free_port(), None, ()
        self.run("initdb", "-D", self.data, "-U", OWNER, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        (self.data / "pg_hba.conf").write_text(
            "local all all trust\nhost all ebb 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n")
        self.start()

    def run(self, program, *words):
        subprocess.run([str(self.programs / program), *map(str, words)], check=True, capture_output=True,
                       cwd=self.folder, **self.user)

    def start(self, *words):
        """With settings such as max_connections=5, which stay until others are given."""
        self.words = words or self.words
        settings = [f"-c{word}" for word in ("fsync=off", "listen_addresses=127.0.0.1", *self.words)]
        with open(self.folder / "log", "ab") as log:
            self.server = subprocess.Popen(
                [str(self.programs / "postgres"), "-D", str(self.data), "-k", str(self.folder), "-p", str(self.port),
                 *settings], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **self.user)
        devices.until("PostgreSQL answers", self.is_ready)

    def is_ready(self):
        return subprocess.run([str(self.programs / "pg_isready"), "-h", str(self.folder), "-p", str(self.port)],
                              capture_output=True, check=False).returncode == 0

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def kill(self):
        """SIGKILL to the server and what it started: nothing is said, nothing is finished."""
        children = pathlib.Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()
        for one in (self.server.pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        self.server.wait(devices.PATIENCE)

    def stop(self):
        """At once, but in order."""
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(signal.SIGINT)
            self.server.wait(devices.PATIENCE)

    def freeze(self, frozen=True):
        """It neither answers nor is gone."""
        children = pathlib.Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()
        for one in (self.server.pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGSTOP if frozen else signal.SIGCONT)

    def close(self):
        if self.server is not None and self.server.poll() is None:
            self.freeze(False)
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self):
        """By its socket, as who may do all."""
        return f"postgresql://{OWNER}@/postgres?host={self.folder}&port={self.port}"

    def tcp(self, user=OWNER):
        return f"postgresql://{user}@127.0.0.1:{self.port}/postgres"

    def psql(self, sql, check=True):
        """What it prints: a line a row, | between columns."""
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.url, "-c", sql],
                              capture_output=True, text=True, check=False, timeout=120)
        if check:
            assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def rows(self, sql):
        return [line.split("|") for line in self.psql(sql).splitlines()]

    @contextlib.contextmanager
    def holding(self, sql):
        """A session that has run this and stays open."""
        with subprocess.Popen(["psql", "-X", "-q", "-A", "-t", self.url], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as one:
            one.stdin.write(f"{sql}\n\\echo ready\n")
            one.stdin.flush()
            while one.stdout.readline().strip() != "ready":
                assert one.poll() is None, "psql ended"
            try:
                yield
            finally:
                one.stdin.close()
                one.wait(devices.PATIENCE)


@pytest.fixture
def postgres():
    one = Postgres()
    try:
        yield one
    finally:
        one.close()
