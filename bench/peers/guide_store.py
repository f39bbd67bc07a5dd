#!/usr/bin/env python3
"""A peer: results saved the way the guide's storage manager saves them.

Each call opens a connection, writes one row with an id made on the spot, commits and closes.
usage: guide_store.py FOLDER THREADS COUNT   prints wall seconds, CPU seconds, p50 in microseconds
"""
import json
import os
import pathlib
import sqlite3
import statistics
import sys
import threading
import time
import uuid
from datetime import datetime

RESULT = {"room": "a1", "sensor": "s4", "t": -18.4, "rh": 61.5, "n": 48211, "state": "normal",
          "since": "2026-11-23T10:00:00.120Z", "unit": "Cel", "score": 0.031, "anomaly": False}


def reading(number):
    """Reading NUMBER of a sensor's day, as store_bench's `varied` makes it: one each 1.44 seconds."""
    at_ms = number * 1440
    return dict(RESULT, t=round(-18.4 + number * 7919 % 41 / 100, 2), rh=round(61.5 + number * 104729 % 31 / 10, 1),
                n=48211 + number, score=round(number * 15485863 % 997 / 1000, 3),
                since=f"2026-11-23T{at_ms // 3600000 % 24:02}:{at_ms % 3600000 // 60000:02}:"
                      f"{at_ms % 60000 // 1000:02}.{at_ms % 1000:03}Z")


def prepare(path):
    """The guide's table."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE IF NOT EXISTS workflow_results (id TEXT PRIMARY KEY,"
                       " workflow_id TEXT NOT NULL, result TEXT NOT NULL,"
                       " created_at TEXT NOT NULL, synced INTEGER DEFAULT 0,"
                       " sync_priority INTEGER DEFAULT 1)")
    connection.commit()
    connection.close()


def save(path, workflow):
    """One result, durable as far as SQLite's defaults make it."""
    connection = sqlite3.connect(path, timeout=60)
    connection.execute("INSERT INTO workflow_results (id, workflow_id, result, created_at,"
                       " sync_priority) VALUES (?, ?, ?, ?, ?)",
                       (str(uuid.uuid4()), workflow, json.dumps(RESULT),
                        datetime.now().isoformat(), 1))
    connection.commit()
    connection.close()


def work(path, count, latencies):
    """So many, one after another."""
    for _ in range(count):
        began = time.perf_counter()
        save(path, "cold-room")
        latencies.append(time.perf_counter() - began)


def main():
    """THREADS callers at once, COUNT results in all."""
    folder, threads, count = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "guide.db"
    prepare(path)
    latencies = []
    began, cpu = time.perf_counter(), time.process_time()
    callers = [threading.Thread(target=work, args=(path, count // threads, latencies))
               for _ in range(threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    print(f"{time.perf_counter() - began:.6f} {time.process_time() - cpu:.6f} "
          f"{statistics.median(latencies) * 1e6:.1f} 0")
    return 0 if len(latencies) == count // threads * threads else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
