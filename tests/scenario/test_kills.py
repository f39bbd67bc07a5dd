# SPDX-License-Identifier: Apache-2.0
"""The harness of the kills is able to fail: its judge finds every lie, its load finds a planted bug. The kills
themselves are a part of `make test` of their own (tests/scenario/kills.py)."""
import pathlib
import subprocess
import sys

KILLS = pathlib.Path(__file__).with_name("kills.py")


def run(*words, patience=240):
    done = subprocess.run([sys.executable, KILLS, *words], capture_output=True, text=True, timeout=patience,
                          check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_judge_finds_every_lie():
    code, said = run("--forged")
    assert code == 0, said


def test_a_planted_answer_before_its_commit_is_found():
    code, said = run("10", "--planted", "--seed", "1")
    assert code == 0, said
