#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A peer: results synchronized the way the guide's manager does, into a sink over HTTP on 127.0.0.1.

The client reads 100 unsynced rows, posts them, and marks them, each time over a connection of its own to the database.
The sink keeps each request's rows in SQLite before it answers (durable), or keeps nothing (nothing).
usage: guide_sync.py FOLDER COUNT durable|nothing    prints wall seconds, CPU seconds of both ends, bytes sent
"""
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import resource
import sqlite3
import sys
import time
import uuid
from datetime import datetime

from guide_store import prepare, reading


class Sink(http.server.BaseHTTPRequestHandler):
    """The central platform: rows in, then 200."""

    protocol_version = "HTTP/1.1"
    path_of_rows = None

    def log_message(self, *_):
        pass

    def do_POST(self):
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path_of_rows is not None:
            with contextlib.closing(sqlite3.connect(self.path_of_rows)) as database:
                database.executemany("INSERT OR IGNORE INTO result VALUES (?, ?, ?, ?, ?)",
                                     [(row["id"], payload["device_id"], row["workflow_id"], json.dumps(row["result"]),
                                       row["created_at"]) for row in payload["results"]])
                database.commit()
        body = b'{"status":"success"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def fill(path, count):
    """A day offline."""
    prepare(path)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executemany("INSERT INTO workflow_results (id, workflow_id, result, created_at, sync_priority)"
                             " VALUES (?, ?, ?, ?, ?)",
                             ((str(uuid.uuid4()), "cold-room", json.dumps(reading(number)), datetime.now().isoformat(), 1)
                              for number in range(1, count + 1)))
        database.commit()


def unsynced(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT id, workflow_id, result, created_at FROM workflow_results WHERE synced = 0"
                                " ORDER BY sync_priority DESC, created_at ASC LIMIT 100").fetchall()
    return [{"id": row[0], "workflow_id": row[1], "result": json.loads(row[2]), "created_at": row[3]} for row in rows]


def mark(path, ids):
    with contextlib.closing(sqlite3.connect(path)) as database:
        places = ",".join("?" for _ in ids)
        database.execute(f"UPDATE workflow_results SET synced = 1 WHERE id IN ({places})", ids)
        database.commit()


def synchronize(path, port):
    """One call of the guide's synchronize; (results sent, bytes of the body)."""
    results = unsynced(path)
    if not results:
        return 0, 0
    payload = json.dumps({"device_id": "edge-1", "timestamp": datetime.now().isoformat(), "results": results}).encode()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("POST", "/api/sync", payload, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            sys.exit(f"guide_sync: the sink answered {answer.status}")
    mark(path, [row["id"] for row in results])
    return len(results), len(payload)


def main():
    """Fills a queue, then drains it."""
    folder, count, keeping = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "guide.db"
    fill(path, count)
    if keeping == "durable":
        Sink.path_of_rows = folder / "sink.db"
        with contextlib.closing(sqlite3.connect(Sink.path_of_rows)) as database:
            database.execute("CREATE TABLE result (id TEXT PRIMARY KEY, device TEXT, workflow TEXT, result TEXT, at TEXT)")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    child = os.fork()  # two processes, as it would be
    if child == 0:
        server.serve_forever()  # until it is killed
        os._exit(0)
    port = server.server_address[1]
    server.socket.close()
    began, before, total, sent = time.perf_counter(), time.process_time(), 0, 0
    while True:
        number, body = synchronize(path, port)
        if number == 0:
            break
        total, sent = total + number, sent + body
    wall = time.perf_counter() - began
    os.kill(child, 15)
    os.waitpid(child, 0)
    sink = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = time.process_time() - before + sink.ru_utime + sink.ru_stime
    print(f"{wall:.6f} {cpu:.6f} {sent}")
    return 0 if total == count else 1


if __name__ == "__main__":
    sys.exit(main())
