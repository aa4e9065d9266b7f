"""Releases for tests, in a registry of their own: the images of this checkout, a layer on each."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import requests

from integration_tests.docker.first_boot import cloud
from integration_tests.helpers.ports import free_port
from integration_tests.helpers.waiting import wait_until
from setup.deployment.release import PARTS, REVISION_LABEL
from setup.native.environment import ROOT

VERSIONS = "/app/src/vehicle_price/prediction_log/migrations/versions"
# A migration that adds a column to the table that every prediction is inserted into, and a table.
MIGRATION = '''"""Planted by a test."""

from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    """Add a column and a table."""
    op.execute("ALTER TABLE predictions ADD COLUMN planted_{revision} text NOT NULL DEFAULT '-'")
    op.execute("CREATE TABLE planted_{revision} (note text NOT NULL)")


def downgrade() -> None:
    """Never."""
'''
DOES_NOT_START = 'CMD ["python", "-c", "raise SystemExit(\'planted: it does not start\')"]'
# Healthy and ready, and every answer names a price that is a dollar too high.
WRONG_PRICES = """\
USER 0
RUN sed -i 's/"price": price,/"price": price + 1,/' {file} && grep -q 'price + 1' {file}
USER 10001:10001""".format(file="/app/service/inference/pricer.py")


class Registry(NamedTuple):
    """A registry without a password on this machine. folder: for build contexts and releases."""

    address: str
    folder: Path

    def push(self, commit: str, migration: int = 0, service: str = "") -> Path:
        """Push a release by `python -m setup.deployment push`; its file.

        migration: number of the migration that it brings. service: lines of its Dockerfile.
        """
        context = self.folder / commit
        context.mkdir()
        built = {}
        for part, variable in PARTS.items():
            lines = [f"FROM vehicle-price/{part}:local"]
            if part == "service" and service:
                lines.append(service)
            if part in ("service", "evidently_service"):
                lines += list(_plant(context, migration))
            lines.append(f"LABEL {REVISION_LABEL}={commit}")
            (context / "Dockerfile").write_text("\n".join([*lines, ""]), encoding="utf-8")
            built[variable] = f"vehicle-price-test/{part}:{commit[:12]}"
            _run("docker", "build", "-q", "-t", built[variable], str(context))
        path = context / "release.env"
        environ = os.environ | built | {"IMAGE_REGISTRY": self.address, "RELEASE_ENV": str(path)}
        _run(sys.executable, "-m", "setup.deployment", "push", environ=environ)
        tags = [f"{self.address}/{part}:{commit}" for part in PARTS]
        # Without any name of the image, so that a deployment has to pull it.
        _run("docker", "rmi", *built.values(), *tags)
        return path


@contextmanager
def registry(folder: Path, name: str) -> Iterator[Registry]:
    """Debian's registry in a container; its images leave this engine at the end."""
    host = str(cloud.HERE / "host.Dockerfile")
    _run("docker", "build", "-q", "-t", cloud.IMAGE, "-f", host, str(cloud.HERE))
    port = free_port()
    (folder / "registry.yml").write_text(
        "version: 0.1\n"
        "storage: {filesystem: {rootdirectory: /tmp/registry}}\n"
        f"http: {{addr: 127.0.0.1:{port}}}\n",
        encoding="utf-8",
    )
    options = ["--rm", "--name", f"{name}-registry", "--network", "host", "-v", f"{folder}:/c:ro"]
    command = [cloud.IMAGE, "docker-registry", "serve", "/c/registry.yml"]
    _run("docker", "run", "-d", *options, *command)
    address = f"127.0.0.1:{port}/vehicle-price"
    try:
        wait_until(lambda: _answers(port))
        yield Registry(address, folder)
    finally:
        _run("docker", "rm", "-f", f"{name}-registry")
        remove_images(f"{address}/*")


def remove_images(pattern: str) -> None:
    """Remove the images whose name fits, except those that a container still uses."""
    listed = ("docker", "images", "-q", "--no-trunc", "--filter", f"reference={pattern}")
    found = set(_run(*listed).split())
    subprocess.run(["docker", "rmi", "-f", *found], capture_output=True, check=False)


def _plant(context: Path, migration: int) -> Iterator[str]:
    """The lines that copy every migration after those of the project, up to this number."""
    first = 1 + max(int(path.name[:4]) for path in _own_migrations())
    for number in range(first, migration + 1):
        name = f"{number:04d}_planted.py"
        text = MIGRATION.format(revision=f"{number:04d}", before=f"{number - 1:04d}")
        (context / name).write_text(text, encoding="utf-8")
        yield f"COPY {name} {VERSIONS}/{name}"


def _own_migrations() -> list[Path]:
    folder = ROOT / VERSIONS.removeprefix("/app/")
    return list(folder.glob("[0-9]*.py"))


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/v2/", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def _run(*command: str, environ: Mapping[str, str] | None = None) -> str:
    ended = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, f"{' '.join(command[:4])}: {ended.stdout}{ended.stderr}"
    return ended.stdout
