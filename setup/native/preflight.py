"""Check the conditions of `make build` before anything starts.

    python3 -m setup.native.preflight

Only the standard library. All problems are reported at once, each with what to do.
"""

import os
import shutil
import socket
import sys
from pathlib import Path

REQUIRED_MEMORY_GB = 4
REQUIRED_DISK_GB = 4
PORTS = ("service", "mlflow", "airflow", "streamlit", "postgres", "evidently")
SOCKET_PATH_LIMIT = 107  # bytes the kernel allows for a Unix socket's path


def main() -> int:
    """Print the problems; 0 when there is none, else 1."""
    sentences = problems()
    if sentences:
        print("make build cannot start yet:", file=sys.stderr)
    for number, sentence in enumerate(sentences, 1):
        print(f"  {number}. {sentence}", file=sys.stderr)
    return 1 if sentences else 0


def problems() -> list[str]:
    """Every problem as a sentence that ends with what to do."""
    sentences = python_problems()
    if sys.version_info < (3, 10):
        return sentences  # the settings cannot be read
    from setup.native.environment import settings_from

    try:
        settings = settings_from(os.environ)
    except ValueError as error:
        return [*sentences, f"{error}. Correct it in .env or in your environment."]
    local = Path(settings.local_dir)
    if not is_running(local):
        sentences += port_problems(settings) + memory_problems(available_memory())
    free_disk = shutil.disk_usage(nearest_folder(local)).free
    return sentences + disk_problems(free_disk) + path_problems(local)


def python_problems(version: tuple = tuple(sys.version_info)) -> list[str]:
    """Whether this is Python 3.11 with its venv module."""
    install = "apt-get install python3.11 python3.11-venv, or pyenv install 3.11"
    if version[:2] != (3, 11):
        reason = f"Python 3.11 is needed, {sys.executable} is {version[0]}.{version[1]}"
        return [f"{reason}. Install it ({install}) or name one: make build PYTHON=/path/to/python."]
    try:
        __import__("ensurepip")
    except ModuleNotFoundError:
        return [f"{sys.executable} has no ensurepip, so no venv can be made: {install}."]
    return []


def port_problems(settings) -> list[str]:
    """A sentence for each port of the settings that another process uses."""
    sentences = []
    for name in PORTS:
        port = getattr(settings, f"{name}_port")
        if not port_is_free(getattr(settings, f"{name}_bind_host"), port):
            user = f" by {port_user(port)}" if port_user(port) else ""
            setting = f"{name.upper()}_PORT={port + 1000}"
            sentences.append(
                f"Port {port} is taken{user}. Stop that, or choose another: make build {setting}."
            )
    return sentences


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen on the port."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
    return True


def port_user(port: int) -> str:
    """'name (pid 12)' of the process that listens on a port, '' when it cannot be determined."""
    inodes = _listening_inodes(port)
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) in inodes:
                process = link.parents[1]
                name = (process / "comm").read_text(encoding="utf-8").strip()
                return f"{name} (pid {process.name})"
        except OSError:
            continue  # the process has ended, or is another user's
    return ""


def _listening_inodes(port: int) -> set[str]:
    lines = []
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if table.exists():
            lines += table.read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split() for line in lines]
    return {f"socket:[{r[9]}]" for r in rows if r[3] == "0A" and r[1].endswith(f":{port:04X}")}


def memory_problems(available: int) -> list[str]:
    """A sentence when the available memory, in bytes, is too small."""
    free = available / 2**30
    if free >= REQUIRED_MEMORY_GB:
        return []
    return [
        f"{free:.1f} GB of memory are available, {REQUIRED_MEMORY_GB} are needed. "
        "Close other programs, or give the machine or container more."
    ]


def disk_problems(free: int) -> list[str]:
    """A sentence when the free disk space, in bytes, is too small."""
    if free / 2**30 >= REQUIRED_DISK_GB:
        return []
    return [
        f"{free / 2**30:.1f} GB of disk are free, {REQUIRED_DISK_GB} are needed. "
        "Free some, or put everything a run writes elsewhere: make build LOCAL_DIR=/big/disk."
    ]


def path_problems(local: Path) -> list[str]:
    """A sentence when the path of supervisord's socket is longer than the kernel allows."""
    path = local / "run" / "supervisor.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return []
    return [f"{path} is too long for a socket. Choose a shorter folder: make build LOCAL_DIR=…"]


def available_memory() -> int:
    """Available bytes of the machine, or of the container when that is less."""
    meminfo = Path("/proc/meminfo").read_text(encoding="utf-8")
    kilobytes = next(line.split()[1] for line in meminfo.splitlines() if "MemAvailable" in line)
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if not limit.exists() or limit.read_text(encoding="utf-8").strip() == "max":
        return int(kilobytes) * 1024
    unused = int(limit.read_text(encoding="utf-8")) - int(used.read_text(encoding="utf-8"))
    return min(int(kilobytes) * 1024, unused)


def is_running(local: Path) -> bool:
    """Whether the processes of this LOCAL_DIR run, and therefore use the ports."""
    with socket.socket(socket.AF_UNIX) as control:
        try:
            control.connect(str(local / "run" / "supervisor.sock"))
        except OSError:
            return False
    return True


def nearest_folder(folder: Path) -> Path:
    """The folder, or its nearest parent that exists."""
    return folder if folder.exists() else nearest_folder(folder.parent)


if __name__ == "__main__":
    sys.exit(main())
