# SPDX-License-Identifier: Apache-2.0
"""What the parts of the demo stand on: what is said to the person, and a daemon that is started, killed and asked."""
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE_S = 120


class Trouble(Exception):
    """The demo cannot go on; its text is for the person."""


class Talk:
    """One line that is drawn over on a terminal, plain lines otherwise."""

    def __init__(self):
        self.live = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.drawn = 0.0

    def step(self, text):
        print(("\r\033[K" if self.live else "") + text, flush=True)

    def progress(self, doing, done, of):
        now = time.monotonic()
        if not self.live or (now - self.drawn < 0.05 and done < of):
            return
        self.drawn = now
        filled = 30 * done // of if of else 30
        print(f"\r\033[K  {doing} [{'#' * filled}{' ' * (30 - filled)}] {done:,} of {of:,}", end="", flush=True)


class SocketConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("ebb", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    """`ebb serve` on the folder of one part of the demo, asked over its socket."""

    def __init__(self, build, home, workflows):
        self.words = [f"{build}/ebb", "serve", "--data", f"{home}/data", "--workflows", f"{home}/{workflows}",
                      "--socket", f"{home}/ebb.sock"]
        self.socket = f"{home}/ebb.sock"
        self.log = f"{home}/daemon.log"
        self.ready_path = "/readyz"
        self.child = None

    def start(self):
        """Seconds until it was ready."""
        began = time.monotonic()
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          start_new_session=True)
        while True:
            if self.child.poll() is not None:
                raise Trouble(f"the daemon ended with {self.child.returncode}; see {self.log}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask(self.ready_path)[0] == 200:
                    return time.monotonic() - began
            if time.monotonic() - began > PATIENCE_S:
                raise Trouble(f"the daemon was not ready within {PATIENCE_S} s; see {self.log}")
            time.sleep(0.002)

    def ask(self, path):
        connection = SocketConnection(self.socket)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def end_earlier(self, talk):
        """Ends the daemon that somebody started to look at an earlier demo: it would watch the same folder."""
        try:
            number = json.loads(self.ask("/v1/status")[1])["pid"]
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return
        talk.step(f"   the daemon of an earlier demo still runs (process {number}): it is ended")
        os.kill(number, signal.SIGTERM)
        for _ in range(500):
            if not os.path.exists(self.socket):
                return
            time.sleep(0.02)
        raise Trouble(f"process {number} does not end; end it and run the demo again")

    def resident_bytes(self):
        for line in pathlib.Path(f"/proc/{self.child.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def kill(self):
        self.child.kill()
        self.child.wait()

    def stop(self):
        self.child.terminate()
        return self.child.wait(PATIENCE_S)

    def close(self):
        if self.child is not None and self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()


def run(words, what):
    done = subprocess.run(words, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Trouble(f"{what} failed: `{' '.join(map(str, words))}` ended with {done.returncode}")
    return done.stdout


def show_table(rows):
    """Names and values, the values below one another."""
    width = max(len(row[0]) for row in rows)
    print()
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")
    print()
