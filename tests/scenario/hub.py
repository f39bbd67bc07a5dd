# SPDX-License-Identifier: Apache-2.0
"""A hub in a folder of its own, the real program, and a device that speaks to it in bytes.

The device is written from the protocol's text alone (records, frames, hello, PUT): what ebb's own says and what
this one says have nothing in common but the wire.
"""
import contextlib
import ctypes
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import socket
import sqlite3
import ssl
import struct
import subprocess
import threading
import time
import uuid

import device as devices

LANES = {"control": 0, "urgent": 1, "high": 2, "normal": 3, "low": 4, "telemetry": 5, "bulk": 6}
ZERO = bytes(16)
RESULT, GAP = 1, 3


class Hub:
    """One data folder with its socket and port; its daemon, while one runs."""

    def __init__(self, folder, data=None):
        self.folder = folder
        self.data = data or folder / "hub"
        self.log_path = folder / "hub.log"
        self.daemon = None
        self.started = []

    @property
    def socket(self):
        return self.data / "hub.sock"

    def start(self, *words, wait=True, environment=None, prefix=()):
        """Starts `ebb hub serve` and waits until it answers."""
        assert self.daemon is None or self.daemon.poll() is not None
        with open(self.log_path, "ab") as log:
            self.daemon = subprocess.Popen(
                [*prefix, str(devices.BUILD / "ebb"), "hub", "serve", "--data", str(self.data),
                 "--listen", "127.0.0.1:0", *map(str, words)],
                env=devices.clean_environment(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, cwd=self.folder)
        self.started.append(self.daemon)
        if wait:
            devices.until("the hub is ready", self.is_ready)
        return self.daemon

    def is_ready(self):
        if self.daemon.poll() is not None:
            raise devices.Waited(f"the hub ended with {self.daemon.returncode}\n{self.log()}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/healthz")[0] == 200
        return False

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def kill(self):
        """SIGKILL, as a power cut of the process alone."""
        self.daemon.kill()
        self.daemon.wait(devices.PATIENCE)

    def stop(self):
        """SIGTERM; the exit code."""
        self.daemon.terminate()
        return self.daemon.wait(devices.PATIENCE)

    def close(self):
        for one in self.started:
            devices.kill_group(one)
            one.wait(devices.PATIENCE)

    def quick(self):
        """The environment of steady clocks that run thirty times as fast (quick_clock.c): what waits five seconds or a
        minute comes at once."""
        library = self.folder / "quick_clock.so"
        if not library.exists():
            source = pathlib.Path(__file__).with_name("quick_clock.c")
            subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        return {"LD_PRELOAD": str(library)}

    def start_quick(self, *words):
        return self.start(*words, environment=self.quick())

    def check(self):
        """Starts it once more, and has it look whether everything adds up, as it does once a day."""
        self.start_quick()
        devices.until("all of it was checked", lambda: self.get("/v1/status")["checks"])
        assert self.get("/v1/status")["faults"] == 0, self.log()

    # --- asked from outside -------------------------------------------------------------------

    def ask(self, method, path, body=None):
        """(code, what was answered, as JSON where it is)."""
        connection = devices._SocketConnection(str(self.socket), devices.PATIENCE)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            text = answer.read()
            is_json = answer.headers.get("Content-Type", "").startswith("application/json")
            return answer.status, json.loads(text) if is_json else text.decode()
        finally:
            connection.close()

    def get(self, path):
        code, answer = self.ask("GET", path)
        assert code == 200, (code, answer)
        return answer

    def ebb(self, *words, **more):
        return devices.ebb("hub", *words, "--socket", self.socket, **more)

    @contextlib.contextmanager
    def looking(self):
        """Into hub.db beside the hub, as a person with sqlite3 would."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/hub.db?mode=ro", uri=True, timeout=10)) as base:
            yield lambda sql, *values: base.execute(sql, values).fetchall()

    def rows(self, sql, *values):
        with self.looking() as rows:
            return rows(sql, *values)

    @property
    def port(self):
        return int(self.get("/v1/status")["listen"].rsplit(":", 1)[1])

    def memory_bytes(self):
        """Resident memory of the daemon alone."""
        lines = pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))

    @property
    def authority(self):
        return self.data / "authority" / "certificate.pem"

    def accounts(self):
        """I9, per stream and lane: (stored, gapped, quarantined, highest), and that rows, cursor and what was removed agree."""
        with self.looking() as rows:
            rows("BEGIN")  # all of one moment
            tables = [by_lane(rows(f"SELECT stream, lane, {columns}")) for columns in (
                "seq, coalesce(last_seq, seq) FROM record", "seq, last_seq FROM quarantine", "records FROM removed")]
            return {(stream, lane): self.account(*[table.get((number, lane), []) for table in tables], *cursor)
                    for stream, number, lane, *cursor in rows(
                        "SELECT s.id, s.number, c.lane, c.ranges, c.stored, c.gapped, c.quarantined "
                        "FROM cursor c JOIN stream s ON s.number = c.stream")}

    def held(self, stream, lane):
        """How many records of a stream without gaps are held; that they add up."""
        stored, gapped, quarantined, highest = self.accounts().get((bytes.fromhex(stream.id), lane), (0, 0, 0, 0))
        assert (gapped, quarantined, highest) == (0, 0, stored)
        return stored

    @staticmethod
    def account(kept, aside, removed, ranges, stored, gapped, quarantined):
        held = [seq for at in range(0, len(ranges), 48)
                for first, last in [struct.unpack_from("<QQ", ranges, at)] for seq in range(first, last + 1)]
        seqs = [seq for first, last in kept + aside for seq in range(first, last + 1)]
        assert len(set(seqs)) == len(seqs), "something is there twice"
        assert set(seqs) <= set(held) and len(seqs) + sum(row[0] for row in removed) == len(held), \
            "what is stored is not what the cursor says"
        assert len(held) == stored + gapped + quarantined
        return stored, gapped, quarantined, held[-1] if held else 0


def by_lane(rows):
    """Rows that begin with stream and lane, the rest of them under those two."""
    found = {}
    for stream, lane, *rest in rows:
        found.setdefault((stream, lane), []).append(rest)
    return found


# --- records and frames, from the protocol's text ---------------------------------------------------


def counted(data):
    """Bytes with their count in front, LEB128."""
    count, head = len(data), b""
    while count >= 0x80:
        head += bytes((count & 0x7F | 0x80,))
        count >>= 7
    return head + bytes((count,)) + data


def record(body, kind=RESULT, version=1, workflow="triage", name="verdict", priority=1, wall_ms=None, run=ZERO[:0],
           quality=0, boot=b"boot of a device", boot_ns=123456789):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    wall_ms = int(time.time() * 1000) if wall_ms is None else wall_ms
    head = struct.pack("<BBBB16sQQ", kind, version, priority, quality, boot, boot_ns, wall_ms)
    return head + counted(workflow.encode()) + counted(name.encode()) + counted(run) + counted(text)


def chain_after(before, data):
    return hashlib.blake2b(before + data, digest_size=16).digest()


class Zstd:
    """libzstd, with a frame's checksum."""

    def __init__(self):
        self.library = ctypes.CDLL("libzstd.so.1")
        self.library.ZSTD_createCCtx.restype = ctypes.c_void_p
        self.library.ZSTD_compressBound.restype = ctypes.c_size_t
        self.library.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
        self.library.ZSTD_compress2.restype = ctypes.c_size_t
        self.library.ZSTD_compress2.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p,
                                                ctypes.c_size_t]
        self.library.ZSTD_CCtx_setParameter.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        self.lock = threading.Lock()
        self.context = self.library.ZSTD_createCCtx()
        self.library.ZSTD_CCtx_setParameter(self.context, 201, 1)

    def __call__(self, data):
        room = ctypes.create_string_buffer(self.library.ZSTD_compressBound(len(data)))
        with self.lock:
            count = self.library.ZSTD_compress2(self.context, room, len(room), data, len(data))
        return room.raw[:count]


compress = Zstd()


def frame(first, chain_in, records, damage=None):
    """A whole frame of plain records, from seq `first` on."""
    chain, items = chain_in, b""
    for data in records:
        chain = chain_after(chain, data)
        items += b"\0" + counted(data)
    plain = struct.pack("<BQQ16s16s", 1, first, first + len(records) - 1, chain_in, chain) + items
    packed = compress(plain)
    if damage is not None:
        packed = packed[:damage] + bytes((packed[damage] ^ 1,)) + packed[damage + 1:]
    return struct.pack("<I", len(packed)) + packed


class Stream:
    """What a store writes: records by lane, with their chain values."""

    def __init__(self, identity=None):
        self.id = identity or os.urandom(16).hex()
        self.lanes = {}

    def copy(self):
        other = Stream(self.id)
        other.lanes = {lane: list(records) for lane, records in self.lanes.items()}
        return other

    def add(self, lane, *records):
        self.lanes.setdefault(lane, []).extend(records)
        return self

    def chain(self, lane, seq):
        value = ZERO
        for data in self.lanes.get(lane, [])[:seq]:
            value = chain_after(value, data)
        return value

    def frames(self, lane, first=1, last=None, each=10):
        """The records of the lane as frames of so many."""
        last = last or len(self.lanes[lane])
        return [frame(at, self.chain(lane, at - 1), self.lanes[lane][at - 1:min(at + each - 1, last)])
                for at in range(first, last + 1, each)]


# --- a device ---------------------------------------------------------------------------------------

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def read_token(text):
    """(id, secret) of EBB1-..."""
    letters = text.removeprefix("EBB1-")
    bits = "".join(f"{ALPHABET.index(letter):05b}" for letter in letters)
    data = bytes(int(bits[at:at + 8], 2) for at in range(0, len(bits) // 8 * 8, 8))
    return data[17:25], data[25:41]


class FakeDevice:
    """Keys, a certificate, a connection, a boot id."""

    def __init__(self, hub, folder, name="line-3"):
        self.hub = hub
        self.name = name
        self.folder = folder / f"device-{name}-{uuid.uuid4().hex[:6]}"
        self.folder.mkdir(parents=True)
        self.boot, self.boot_ns = os.urandom(16).hex(), 123
        self.connection = None
        self.id = None

    # --- joining ---

    def make_key(self):
        """A key and a request for it."""
        key, csr = self.folder / "key.pem", self.folder / "request.pem"
        subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", csr, "-subj", f"/CN={self.name}"], check=True, capture_output=True)
        return csr.read_text()

    def join(self, labels=None, token=None, facts=None):
        """By a token, over the wire."""
        if token is None:
            code, made = self.hub.ask("POST", "/v1/tokens", {})
            assert code in (200, 201), made
            token = made["token"]
        token_id, secret = read_token(token)
        csr = self.make_key()
        verifier = hashlib.blake2b(secret, digest_size=32).digest()
        proof = hmac.new(verifier, b"ebb-enrol/1" + hashlib.sha256(csr.encode()).digest(), "sha256").hexdigest()
        code, answer = self.request("POST", "/v1/enrol", json.dumps(
            {"csr": csr, "token": token_id.hex(), "proof": proof, "name": self.name, "labels": labels or {},
             "facts": facts or {}}))
        assert code == 200, answer
        (self.folder / "certificate.pem").write_text(answer["certificate"])
        self.id = answer["device"]
        self.hang_up()
        return self

    def adopt(self, certificate, key):
        """Another's certificate and key."""
        (self.folder / "certificate.pem").write_bytes(certificate)
        (self.folder / "key.pem").write_bytes(key)
        return self

    # --- the line ---

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.hub.authority)
        if (self.folder / "certificate.pem").exists():
            context.load_cert_chain(self.folder / "certificate.pem", self.folder / "key.pem")
        return context

    def dial(self):
        """A TLS line of its own, for what http.client would never do."""
        line = socket.create_connection(("127.0.0.1", self.hub.port), devices.PATIENCE)
        return self.context().wrap_socket(line)

    def dial_greeted(self, *streams):
        """The same, with hello said and its answer read: what is unread when a line ends takes with it what was sent."""
        text = self.hello_text(*streams)
        raw = self.dial()
        raw.sendall(f"POST /v1/hello HTTP/1.1\r\nHost: hub\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
        answer = http.client.HTTPResponse(raw, method="POST")
        answer.begin()
        assert answer.status == 200, answer.read()
        answer.read()
        return raw

    def request(self, method, path, body=None, **more):
        """(code, JSON or text); the connection is kept."""
        if self.connection is None:
            self.connection = http.client.HTTPSConnection("127.0.0.1", self.hub.port, timeout=devices.PATIENCE,
                                                          context=self.context())
        try:
            self.connection.request(method, path, body, **more)
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.hang_up()
            raise
        if answer.headers.get("Connection") == "close":
            self.hang_up()
        with contextlib.suppress(ValueError):
            return answer.status, json.loads(text)
        return answer.status, text.decode(errors="replace")

    def hang_up(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    # --- what it says ---

    def hello_text(self, *streams, acked=None, chain_at=(), protocol=(1, 1)):
        said = []
        for stream in streams:
            lanes = []
            for lane, records in stream.lanes.items():
                seq = (acked or {}).get(lane, 0)
                one = {"lane": lane, "lowest": 1, "highest": len(records), "acked": seq, "anchored": seq}
                if seq:
                    one["acked_chain"] = stream.chain(lane, seq).hex()
                lanes.append(one)
            said.append({"id": stream.id, "current": stream is streams[-1], "lanes": lanes,
                         "chain_at": [list(place) for place in chain_at]})
        return json.dumps({"protocol": protocol, "boot": self.boot, "boot_ns": self.boot_ns,
                           "wall_ms": int(time.time() * 1000), "quality": 0,
                           "link": {"kind": "ethernet", "metered": False, "bits_per_s": 0}, "streams": said})

    def hello(self, *streams, **more):
        """What the hub answers; it must be 200."""
        code, answer = self.request("POST", "/v1/hello", self.hello_text(*streams, **more))
        assert code == 200, (code, answer)
        return answer

    def put(self, stream, lane, frames, first=1, chunks=False):
        """(code, answer) of one body."""
        body = b"".join(frames)
        path = f"/v1/streams/{stream.id}/{lane}/{first}"
        if chunks:
            return self.request("PUT", path, iter(frames), encode_chunked=True,
                                headers={"Transfer-Encoding": "chunked"})
        return self.request("PUT", path, body)

    def send(self, stream, lane=3, **more):
        """Everything of a lane, which must be taken."""
        code, answer = self.put(stream, lane, stream.frames(lane, **more), first=more.get("first", 1))
        assert code == 200, (code, answer)
        return answer


class Sending:
    """A device that sends one small record after the other, in a stream of its own, until its hub is gone."""

    def __init__(self, line):
        self.line, self.stream, self.acknowledged = line, Stream(), 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                self.stream.add(3, record({"number": self.acknowledged + 1}))
                self.line.send(self.stream, first=self.acknowledged + 1)
                self.acknowledged += 1

    def __enter__(self):
        self.line.hang_up()
        self.line.hello(self.stream)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join()


def raw_put(stream, lane, announced, first=1):
    """The head of a PUT, for who speaks in bytes."""
    return (f"PUT /v1/streams/{stream.id}/{lane}/{first} HTTP/1.1\r\nHost: hub\r\n"
            f"Content-Length: {announced}\r\n\r\n").encode()
