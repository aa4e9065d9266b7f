"""Preparing an EC2 host: the data volume above all. A volume with data is never formatted.

The programs that would change this machine write down what they are asked for.
"""

import os
import subprocess
from pathlib import Path

from setup.native.environment import ROOT

SCRIPT = ROOT / "setup" / "deploy" / "prepare_host.sh"
RECORDED = ("mkfs.ext4", "mount", "apt-get", "snap", "docker", "aws")
BLANK, FORMATTED, UNREADABLE = 2, 0, 4  # statuses of blkid --probe


class Machine:
    """A host in a folder. blkid: the status with which it looks at the volume."""

    def __init__(self, folder: Path, blkid: int, is_mounted: bool = False) -> None:
        self.folder = folder
        self.calls = folder / "calls.log"
        self.fstab = folder / "fstab"
        for name in ("bin", "devices"):
            (folder / name).mkdir()
        for path in (self.calls, self.fstab):
            path.touch()
        (folder / "devices" / "nvme-Amazon_Elastic_Block_Store_vol0abc").touch()
        (folder / "host.env").write_text("DATA_VOLUME=vol-0abc\n", encoding="utf-8")
        for name in RECORDED:
            self._program(name, f'echo "{name} $*" >>{self.calls}')
        self._program("blkid", f"exit {blkid}")
        self._program("mountpoint", f"exit {int(not is_mounted)}")

    def _program(self, name: str, line: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        path.chmod(0o755)

    def prepare(self) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        environ = {
            "PATH": f"{self.folder / 'bin'}:{os.defpath}",
            "HOST_SETTINGS": str(self.folder / "host.env"),
            "DEVICES": str(self.folder / "devices"),
            "FSTAB": str(self.fstab),
            "MOUNT_POINT": str(self.folder / "docker"),
        }
        return subprocess.run(
            ["bash", str(SCRIPT)], env=environ, capture_output=True, text=True, check=False
        )

    @property
    def is_formatted(self) -> bool:
        """Whether the volume was formatted now."""
        return "mkfs.ext4" in self.calls.read_text(encoding="utf-8")


def test_a_blank_volume_is_formatted_and_mounted(tmp_path: Path):
    machine = Machine(tmp_path, BLANK)
    assert machine.prepare().returncode == 0
    assert machine.is_formatted
    assert f"mount {tmp_path / 'docker'}" in machine.calls.read_text(encoding="utf-8")
    assert f"LABEL=vehicle-price {tmp_path / 'docker'} ext4" in machine.fstab.read_text("utf-8")


def test_a_volume_with_data_is_mounted_as_it_is(tmp_path: Path):
    machine = Machine(tmp_path, FORMATTED)
    assert machine.prepare().returncode == 0
    assert not machine.is_formatted
    assert f"mount {tmp_path / 'docker'}" in machine.calls.read_text(encoding="utf-8")


def test_a_volume_that_cannot_be_read_stops_everything(tmp_path: Path):
    machine = Machine(tmp_path, UNREADABLE)
    ended = machine.prepare()
    assert ended.returncode == 1
    assert "blkid cannot read the volume vol-0abc" in ended.stderr
    assert not machine.calls.read_text(encoding="utf-8")


def test_it_waits_for_a_volume_that_is_not_attached_yet(tmp_path: Path):
    machine = Machine(tmp_path, BLANK)
    (tmp_path / "devices" / "nvme-Amazon_Elastic_Block_Store_vol0abc").unlink()
    ended = machine.prepare()
    assert ended.returncode == 1
    assert "the volume vol-0abc is not attached yet" in ended.stderr
    assert not machine.calls.read_text(encoding="utf-8")


def test_a_second_boot_adds_nothing(tmp_path: Path):
    machine = Machine(tmp_path, FORMATTED)
    for _ in range(2):
        assert machine.prepare().returncode == 0
    assert machine.fstab.read_text(encoding="utf-8").count("vehicle-price") == 1
