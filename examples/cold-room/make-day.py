#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes recorded-day.ndjson, the day that `ebb demo` plays: three cold rooms, a reading every five minutes.

The day is made up, always the same one. In room b2 a door is left open in the morning, in a1 the compressor stops
in the evening; opened for a moment are all doors at times, which is usual.
"""
import json
import pathlib
import random

EVERY_MINUTES = 5
DOOR_LEFT_OPEN = ("b2", 10 * 60 + 40, 11 * 60 + 20)
COMPRESSOR_STOPS = ("a1", 19 * 60 + 5, 20 * 60 + 45)


def readings():
    """The readings in the order of time."""
    chance = random.Random(20261129)
    rooms = {"a1": [-18.0, 71.0], "b2": [-19.5, 68.0], "c3": [-17.2, 74.0]}
    now = {name: list(usual) for name, usual in rooms.items()}
    for minute in range(0, 24 * 60, EVERY_MINUTES):
        for name, usual in rooms.items():
            t, rh = now[name]
            toward_t, toward_rh, speed = usual[0], usual[1], 0.4
            if name == DOOR_LEFT_OPEN[0] and DOOR_LEFT_OPEN[1] <= minute < DOOR_LEFT_OPEN[2]:
                toward_t, toward_rh = -2.0, 98.0
            elif name == COMPRESSOR_STOPS[0] and COMPRESSOR_STOPS[1] <= minute < COMPRESSOR_STOPS[2]:
                toward_t, toward_rh, speed = 6.0, 84.0, 0.07
            elif 6 * 60 <= minute < 18 * 60 and chance.random() < 0.04:
                t, rh = t + 2.5, rh + 6
            now[name] = [t + speed * (toward_t - t) + chance.gauss(0, 0.15),
                         min(100.0, rh + speed * (toward_rh - rh) + chance.gauss(0, 0.4))]
            yield {"sensor": name, "number": minute // EVERY_MINUTES + 1, "t": round(now[name][0], 2),
                   "rh": round(now[name][1], 1)}


def main():
    lines = [json.dumps(reading, separators=(",", ":")) for reading in readings()]
    place = pathlib.Path(__file__).resolve().parent / "recorded-day.ndjson"
    place.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
