#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Learns the table of agents/drift from labelled readings, and says how it does on sensors that it never saw.

usage: train.py DATA.csv [--train 1,3] [--out agents/drift/drift.json]

DATA.csv has the columns of the single-hop sensor network (`tools/fetch-sensors` fetches it): mote_id, temperature,
humidity, label. All readings of a mote are either learned from or judged, never both: neighbours in time are so
much alike that a split by rows would only show what was learned by heart.

    scale    what a quiet reading differs from the usual: 1.4826 times the median distance
    enter    the middle (geometric) between the farthest normal reading and the farthest of an anomaly
    leave    a quarter of that
"""
import argparse
import csv
import json
import math
import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "agents" / "drift"))
import drift  # noqa: E402

FOLLOW = 1 / 64             # of a new reading in what is usual: the last five minutes, at one in five seconds
FOLLOW_IN_ANOMALY = 1 / 100  # of that


def read(path):
    """Rows of every mote in the order of time: temperature, humidity, label."""
    motes = {}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            motes.setdefault(int(row["mote_id"]), []).append(
                (float(row["temperature"]), float(row["humidity"]), row["label"] == "1"))
    return motes


def distances(rows, table):
    """Distance from the usual for each row, where the labels say what is an anomaly."""
    sensor, found = drift.first(*rows[0][:2]), []
    for t, rh, label in rows:
        found.append((abs(t - sensor["t"]), abs(rh - sensor["rh"]), label))
        judged = dict(table, enter=-1 if label else math.inf, leave=-1 if label else math.inf)
        sensor = drift.follow(judged, sensor, t, rh)[1]
    return found


def learn(motes, train):
    """The table; the train motes must have an anomaly among them."""
    table = {"follow": FOLLOW, "follow_in_anomaly": FOLLOW_IN_ANOMALY, "scale": {"t": 1.0, "rh": 1.0}}
    found = [row for mote in train for row in distances(motes[mote], table)]
    quiet = [row for row in found if not row[2]]
    table["scale"] = {name: round(1.4826 * statistics.median(row[at] for row in quiet), 4)
                      for at, name in enumerate(("t", "rh"))}
    farthest = {label: max(max(t / table["scale"]["t"], rh / table["scale"]["rh"])
                           for t, rh, is_anomaly in found if is_anomaly == label) for label in (False, True)}
    table["enter"] = round(math.sqrt(farthest[False] * farthest[True]), 2)
    table["leave"] = round(table["enter"] / 4, 2)
    return table


def judge(rows, table):
    """What became of a mote's rows: found, false alarms, missed."""
    sensor, found, wrong, missed = drift.first(*rows[0][:2]), 0, 0, 0
    for t, rh, label in rows:
        sensor = drift.follow(table, sensor, t, rh)[1]
        found += sensor["anomaly"] and label
        wrong += sensor["anomaly"] and not label
        missed += label and not sensor["anomaly"]
    return found, wrong, missed


def main():
    parser = argparse.ArgumentParser(description="Learns the table of agents/drift.")
    parser.add_argument("data", help="the readings, as CSV")
    parser.add_argument("--train", default="1,3", help="motes to learn from (1,3); the others are judged")
    parser.add_argument("--out", default=HERE / "agents" / "drift" / "drift.json", help="the table")
    options = parser.parse_args()
    motes = read(options.data)
    train = [int(mote) for mote in options.train.split(",")]
    if not any(label for mote in train for _, _, label in motes[mote]):
        sys.exit(f"train.py: there is no anomaly among motes {options.train}: nothing can be learned from them")
    table = learn(motes, train)
    pathlib.Path(options.out).write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    for mote, rows in sorted(motes.items()):
        found, wrong, missed = judge(rows, table)
        print(f"mote {mote} ({'learned from' if mote in train else 'never seen'}): {len(rows):,} readings,"
              f" {found + missed} of anomalies: {found} found, {missed} missed, {wrong} false alarms")


if __name__ == "__main__":
    main()
