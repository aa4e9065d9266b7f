"""What tests know about a running service: a listing it prices, its key, its workers."""

from pathlib import Path

HONDA = {"year": 2014, "manufacturer": "honda", "odometer": 88_000}


def read_api_key(local_dir: Path, name: str = "api_key") -> str:
    """A key that the service generated at its first start, from LOCAL_DIR/secrets."""
    return (local_dir / "secrets" / name).read_text("ascii").strip()


def worker_pids(master_pid: int) -> set[int]:
    """Process ids of the workers of a Gunicorn master."""
    children = Path(f"/proc/{master_pid}/task/{master_pid}/children")
    return {int(pid) for pid in children.read_text(encoding="ascii").split()}
