# SPDX-License-Identifier: Apache-2.0
"""SIGKILLs at random moments under load: nothing acknowledged is lost, nothing doubled. And the harness itself
is able to fail."""
import os
import pathlib
import subprocess
import sys

import pytest

KILLS = pathlib.Path(__file__).with_name("kills.py")
CYCLES = os.environ.get("EBB_TEST_KILLS", "200")


def run(*words, patience=300):
    done = subprocess.run([sys.executable, KILLS, *words], capture_output=True, text=True, timeout=patience,
                          check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_judge_finds_every_lie():
    code, said = run("--forged")
    assert code == 0, said


@pytest.mark.slow
def test_kills_at_random_moments_lose_and_double_nothing():
    code, said = run(CYCLES, patience=120 + 3 * int(CYCLES))
    assert code == 0, said


@pytest.mark.slow
def test_a_planted_answer_before_its_commit_is_found():
    code, said = run("30", "--planted", "--seed", "1")
    assert code == 0, said
