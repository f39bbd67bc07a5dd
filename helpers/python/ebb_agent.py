# SPDX-License-Identifier: Apache-2.0
"""An agent of ebb in Python: copy this file beside yours, nothing else is needed (Python 3.9 or newer).

    import ebb_agent

    @ebb_agent.agent
    def answer(inputs):
        return {"words": len(inputs["text"].split())}

    ebb_agent.run()

The same program works under `protocol: lines` and `protocol: messages`: what comes first on standard
input tells which it is. A function with a second parameter is handed the call as well: `call.key`,
`call.attempt`, `call.left()` seconds, `call.cancelled`, `call.part({...})`, `call.state`, `call.open(blob)`.

What is printed goes to standard error, and so into ebb's log: nothing but answers may stand on
standard output. `with call.open(inputs["image"]) as file:` reads a picture, sound or file, under `blobs: path`
and `blobs: fd` alike. `raise ebb_agent.Error("offline", "no answer from the camera")` fails a call with
one of the classes that a workflow can retry; any other exception is of class `crash`, with its
traceback in the log, and the program goes on.
"""
import inspect
import json
import os
import socket
import stat
import sys
import threading
import time
import traceback

VERSION = 1  # of the protocol `messages`
CLASSES = ("timeout", "crash", "invalid", "offline", "busy", "denied", "full")
TEXT_MAX = 2000  # of an error or a log line: ebb shows less
DESCRIPTORS_MAX = 253  # that Linux hands over at once; ebb sends 16 with a call

settings = {}  # what the manifest has under `settings:`; filled when `start` is called
_answer = None
_output = None
_messages = False
_lock = threading.Lock()  # whole lines only, whichever thread writes


class Error(Exception):
    """Fails a call: one of CLASSES, and a sentence."""

    def __init__(self, kind, text):
        super().__init__(text)
        if kind not in CLASSES:
            raise ValueError(f"an error's class is one of {', '.join(CLASSES)}, not {kind!r}")
        self.kind = kind


class Call:
    """One request. Under `lines` it has `inputs` and `state`, and nothing else."""

    def __init__(self, message, inputs, descriptors=()):
        self.id = message.get("id")
        self.inputs = inputs
        self._descriptors = descriptors
        self.run = message.get("run")
        self.key = message.get("key")  # the same when the same step is tried again after a crash
        self.dir = message.get("dir")  # the run's folder, or None
        self.attempt = message.get("attempt", 1)
        self.state = message.get("state")  # what is set here is remembered, where the step has `state:`
        self._cancelled = threading.Event()
        limit = message.get("deadline_ms")
        self._end = None if limit is None else time.monotonic() + limit / 1000

    def left(self):
        """Seconds until the answer is worth nothing, or None."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    @property
    def cancelled(self):
        """ebb no longer wants the answer: return whatever you like, soon."""
        return self._cancelled.is_set()

    def open(self, blob):
        """The bytes of a blob of the inputs or the state, as a file to be read from its start; one at a time of each."""
        where = blob["blob"]
        if isinstance(where, str):
            return open(where, "rb")
        if not 0 <= where["fd"] < len(self._descriptors):
            raise Error("invalid", f"no descriptor {where['fd']} came with the call")
        descriptor = os.dup(self._descriptors[where["fd"]])
        os.lseek(descriptor, 0, os.SEEK_SET)
        return os.fdopen(descriptor, "rb")

    def part(self, value):
        """A piece of an answer that comes bit by bit; nothing under `lines`."""
        if _messages:
            _write({"id": self.id, "part": value})


class _Lines:
    """Standard input, line by line; where it is a socket (`blobs: fd`), with the descriptors that come along."""

    def __init__(self):
        self.descriptors = []
        self.rest = bytearray()
        self.socket = socket.socket(fileno=os.dup(0)) if stat.S_ISSOCK(os.fstat(0).st_mode) else None
        if self.socket is None:
            sys.stdin.reconfigure(encoding="utf-8")

    def next(self):
        """A line, which is waited for; nothing at the end."""
        if self.socket is None:
            return sys.stdin.readline()
        looked = 0
        while (end := self.rest.find(b"\n", looked)) < 0:
            looked = len(self.rest)
            more, descriptors, flags, _ = socket.recv_fds(self.socket, 1 << 16, DESCRIPTORS_MAX,
                                                          socket.MSG_CMSG_CLOEXEC)
            if flags & socket.MSG_CTRUNC:
                raise RuntimeError("more descriptors came than this program may have open")
            self.descriptors += descriptors
            if not more:
                return ""
            self.rest += more
        line = self.rest[:end + 1].decode()
        del self.rest[:end + 1]
        return line

    def take(self, count):
        """The descriptors of the line that was read last."""
        taken = self.descriptors[:count]
        del self.descriptors[:count]
        return taken


def agent(function):
    """The function that answers: of the inputs, or of the inputs and the call."""
    global _answer
    _answer = function
    return function


def log(text, level="info"):
    """A line in ebb's log: debug, info, warn or error."""
    if _messages:
        _write({"log": {"level": level, "text": str(text)[:TEXT_MAX]}})
    else:
        print(text, file=sys.stderr, flush=True)


def gauge(name, value):
    """A number that stands until the next one takes its place; in ebb's /metrics."""
    if _messages:
        _write({"metric": {"name": name, "value": value}})


def count(name, add=1):
    """Adds to a number of ebb's /metrics."""
    if _messages:
        _write({"metric": {"name": name, "add": add}})


def _encode(message):
    return json.dumps(message, allow_nan=False, ensure_ascii=False) + "\n"


def _write(message):
    _write_line(_encode(message))


def _write_line(line):
    with _lock:
        _output.write(line)
        _output.flush()


def _take_output():
    """Answers alone may stand on standard output: what others print there is the log's from now on."""
    global _output
    if _output is None:
        _output = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
        os.dup2(2, 1)
        sys.stdout = sys.stderr


def _handed_call(function):
    """The function of inputs and call, whether it takes the call or not."""
    if len(inspect.signature(function).parameters) > 1:
        return function

    def without_call(inputs, call):
        call.state = None  # it does not know of it: what is remembered stays as it is
        return function(inputs)

    return without_call


def _ask(answer, call):
    """The output of one call, which is an object."""
    output = answer(call.inputs, call)
    if not isinstance(output, dict):
        raise Error("invalid", f"the answer is a {type(output).__name__}, not a dict")
    return output


def _serve_lines(answer, first, lines):
    """One request at a time. An exception ends the program: there is no other way to fail a call."""
    line = first
    while line:
        inputs = json.loads(line)
        call = Call({"state": inputs.get("state")}, inputs)
        output = _ask(answer, call)
        if call.state is not None:
            output = {"state": call.state, **output}
        _write(output)
        line = lines.next()


def _fail(call, kind, text):
    return _encode({"id": call.id, "error": {"class": kind, "text": text[:TEXT_MAX]}})


def _reply(answer, call):
    try:
        message = {"id": call.id, "out": _ask(answer, call)}
        if call.state is not None and "state" not in message["out"]:
            message["state"] = call.state
        line = _encode(message)
    except Error as error:
        line = _fail(call, error.kind, str(error))
    except Exception as error:  # whatever it is, it is the call's and not the program's
        traceback.print_exc()
        line = _fail(call, "crash", f"{type(error).__name__}: {error}")
    _write_line(line)


class _Desk:
    """The calls that wait, and the threads that answer them."""

    def __init__(self, answer, threads):
        self.answer = answer
        self.calls = {}  # by id, until they are answered
        self.waiting = []
        self.changed = threading.Condition()
        self.ending = False
        self.threads = [threading.Thread(target=self.work) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def take(self, message, descriptors):
        with self.changed:
            if "id" in message:
                call = Call(message, message.get("with", {}), descriptors)
                self.calls[call.id] = call
                self.waiting.append(call)
            elif message.get("cancel") in self.calls:
                self.calls[message["cancel"]]._cancelled.set()
            self.changed.notify_all()
        return "drain" not in message

    def work(self):
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.waiting or self.ending)
                if not self.waiting:
                    return
                call = self.waiting.pop(0)
            if call.cancelled:
                _write_line(_fail(call, "timeout", "cancelled before it was begun"))
            else:
                _reply(self.answer, call)
            for descriptor in call._descriptors:
                os.close(descriptor)
            with self.changed:
                del self.calls[call.id]

    def end(self):
        """What was asked for is answered, and then the threads are gone."""
        with self.changed:
            self.ending = True
            self.changed.notify_all()
        for thread in self.threads:
            thread.join()


def _serve_messages(answer, threads, lines):
    _write({"ebb": VERSION, "ready": True})
    desk = _Desk(answer, threads)
    for line in iter(lines.next, ""):
        message = json.loads(line)
        if not desk.take(message, lines.take(message.get("fds", 0))):
            break
    desk.end()


def run(answer=None, start=None, drain=None, threads=1):
    """Answers until ebb wants no more.

    `start` is called before the first answer, when `settings` are there: load your model in it.
    `drain` is called after the last one. With `threads` above 1 several calls are answered at once,
    under `protocol: messages`. Under `protocol: lines` the manifest has no `ready: first_line`.
    """
    global _messages
    answer = answer or _answer
    if answer is None:
        raise RuntimeError("no function answers: put @ebb_agent.agent above one, or run(function)")
    answer = _handed_call(answer)
    _take_output()
    lines = _Lines()
    first = lines.next()
    hello = json.loads(first) if first else {}
    _messages = "hello" in hello and "ebb" in hello
    if _messages:
        settings.update(hello["hello"].get("settings") or {})
    if start is not None:
        start()
    if _messages:
        _serve_messages(answer, threads, lines)
    else:
        _serve_lines(answer, first, lines)
    if drain is not None:
        drain()
