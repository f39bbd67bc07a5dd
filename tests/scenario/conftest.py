# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the scenario tests. They run the programs of EBB_BUILD, or of build/."""
import os
import shutil
import subprocess

import pytest

import device as devices


@pytest.fixture(scope="session", autouse=True)
def programs():
    """Nothing here means anything without the programs: say so once and clearly."""
    for name in ("ebb", "ebb-device", "ebb-hub", "ebb-jq", "ebb-launch", "ebb-measure", "ebb-query"):
        if not (devices.BUILD / name).exists():
            pytest.exit(f"{devices.BUILD / name} is not there: build first, or set EBB_BUILD", 2)


@pytest.fixture
def ebb():
    return devices.ebb


@pytest.fixture
def device(tmp_path):
    """A device of its own; whatever it started is gone afterwards."""
    one = devices.Device(tmp_path)
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def small_disk(tmp_path):
    """Makes small file systems in memory: small_disk(bytes, inodes) gives a folder. Needs to be root."""
    mounted = []

    def make(size="8m", inodes=None):
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        options = f"size={size}" + (f",nr_inodes={inodes}" if inodes else "")
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
                                               capture_output=True, check=False).returncode != 0:
            pytest.skip("a small file system needs to be mounted: not root here")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)
