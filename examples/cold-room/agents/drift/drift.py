"""Says how far a reading is from what has been usual for its sensor lately.

Usual is a mean that follows the readings slowly, and hardly at all while an anomaly lasts: what is odd does not
become usual by lasting. The distance is told in the steps that a quiet sensor makes; an anomaly begins where the
distance is over `enter` and is over where it is under `leave`. The four numbers are in drift.json, which ../../train.py
learns from sensors that were labelled by hand.

It keeps nothing itself: what is known of the sensors comes in with each reading as `state`, and goes out again. ebb keeps
it in the transaction that ends the run, so each reading is counted once, whatever is killed.
"""
import json
import sys


def first(t, rh):
    """What is known of a sensor after its first reading."""
    return {"t": t, "rh": rh, "anomaly": False}


def follow(table, sensor, t, rh):
    """The distance of a reading from what is usual, and what is known of the sensor after it."""
    score = max(abs(t - sensor["t"]) / table["scale"]["t"], abs(rh - sensor["rh"]) / table["scale"]["rh"])
    anomaly = score > table["leave" if sensor["anomaly"] else "enter"]
    part = table["follow"] * (table["follow_in_anomaly"] if anomaly else 1)
    after = {"t": sensor["t"] + part * (t - sensor["t"]), "rh": sensor["rh"] + part * (rh - sensor["rh"]),
             "anomaly": anomaly}
    return score, after


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        table = json.load(file)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        reading = json.loads(line)
        sensors = reading.get("state") or {}
        before = sensors.get(reading["sensor"]) or first(reading["t"], reading["rh"])
        score, after = follow(table, before, reading["t"], reading["rh"])
        print(json.dumps({"score": round(score, 2), "anomaly": after["anomaly"],
                          "changed": after["anomaly"] != before["anomaly"],
                          "state": {**sensors, reading["sensor"]: after}}), flush=True)


if __name__ == "__main__":
    main()
