"""The parts of the prediction log as processes that can be killed: PostgreSQL, a proxy before it,
the forwarder, Gunicorn; and clients that remember what they were answered."""

import http.client
import itertools
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from service.outbox import Outbox
from setup.native import postgres
from vehicle_price.artifact import save
from vehicle_price.database import Address

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
PASSWORD = "only-for-tests"
FEW = 100
VICTIMS = ("worker", "forwarder", "postgres", "master")
CARS = ("civic ex-l sedan", "accord", "cr-v", "pilot", "odyssey touring")


def free_port() -> int:
    """A port nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class Program:
    """A process that is started again whenever it ends, as supervisord does."""

    def __init__(self, name: str, command: list[str], environ: dict[str, str], log: Path) -> None:
        self.name, self.command, self.environ, self.log = name, command, environ, log
        self.process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start it, and watch over it in a thread."""
        self._wanted = True
        self._spawn()
        threading.Thread(target=self._watch, daemon=True).start()

    def kill(self) -> None:
        """kill -9."""
        if self.process:
            self.process.kill()

    def stop(self) -> None:
        """End it for good."""
        with self._lock:
            self._wanted = False
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT if self.name == "postgres" else signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def _spawn(self) -> None:
        with self.log.open("ab") as log:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environ, stdout=log, stderr=log
            )

    def _watch(self) -> None:
        while self._wanted:
            self.process.wait()
            time.sleep(0.3)
            with self._lock:
                if self._wanted:
                    self._spawn()


class Proxy:
    """Stands before PostgreSQL. mode: open, refusing (no listener) or silent (a black hole)."""

    def __init__(self, target: int) -> None:
        self.target, self.port, self.mode = target, free_port(), "refusing"
        self._listener: socket.socket | None = None
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    def switch(self, mode: str) -> None:
        """Change the mode. Open connections break, or fall silent for a black hole."""
        self.mode = mode
        if mode == "refusing":
            self._close()
        elif self._listener is None:
            self._listener = socket.create_server((HOST, self.port))
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _close(self) -> None:
        listener, self._listener = self._listener, None
        if listener:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for pair in self._pairs:
            for side in pair:
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            while self.mode == "silent":
                time.sleep(0.1)
            with socket.create_connection((HOST, self.target)) as server:
                self._pairs.append((client, server))
                self._pump(client, server)

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        while True:
            for side in select.select([client, server], [], [], 0.2)[0]:
                content = side.recv(65_536)
                while self.mode == "silent":
                    time.sleep(0.1)
                if not content:
                    return
                other[side].sendall(content)


@dataclass
class Answers:
    """What clients were answered: the id and key of each prediction, and how long it took."""

    ids: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    broken: int = 0
    refused: list[tuple[int, bytes]] = field(default_factory=list)

    def p99(self) -> float:
        """The 99th percentile of the answers' times, in seconds."""
        ordered = sorted(self.seconds)
        return ordered[len(ordered) * 99 // 100]


class Clients:
    """Clients that ask one after the other, each at its own pace."""

    def __init__(self, port: int, count: int, pause: float) -> None:
        self.port, self.pause = port, pause
        self.answers = Answers()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(count)]

    @contextmanager
    def asking(self) -> Iterator["Clients"]:
        """Ask until the block ends."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join()

    def phase(self) -> Answers:
        """The answers so far; what follows is counted anew."""
        with self._lock:
            done, self.answers = self.answers, Answers()
        return done

    def _ask(self, number: int) -> None:
        chance = random.Random(number)
        line = None
        while not self._ended.is_set():
            listing = {
                "year": chance.randint(1995, 2020),
                "manufacturer": "honda",
                "odometer": chance.randint(1, 300_000),
                "model": chance.choice(CARS),
            }
            key = str(uuid.UUID(int=chance.getrandbits(128))) if chance.random() < 0.2 else ""
            while True:  # a request with a key is repeated until it is answered
                line = line or http.client.HTTPConnection(HOST, self.port, timeout=30)
                if self._one(line, listing, key):
                    break
                line.close()
                line = None
                time.sleep(0.05)
                if not key or self._ended.is_set():
                    break
            time.sleep(chance.random() * 2 * self.pause)
        if line:
            line.close()

    def _one(self, line: http.client.HTTPConnection, listing: dict, key: str) -> bool:
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        began = time.perf_counter()
        try:
            line.request("POST", "/predict", json.dumps(listing), headers)
            response = line.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            with self._lock:
                self.answers.broken += 1
            return False
        took = time.perf_counter() - began
        with self._lock:
            if response.status != 200:
                self.answers.refused.append((response.status, content))
                return True
            answered = json.loads(content)["prediction_id"]
            self.answers.ids.append(answered)
            self.answers.seconds.append(took)
            if key:
                self.answers.keys[key] = answered
        return True


class Rig:
    """All parts on free ports in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.service_port, database_port = free_port(), free_port()
        self.proxy = Proxy(database_port)
        url = f"postgresql://postgres:{PASSWORD}@{HOST}"
        self.database = Address(f"{url}:{database_port}/vehicle_price")
        self.environ = os.environ | {
            "LOCAL_DIR": str(folder),
            "SERVICE_PORT": str(self.service_port),
            "PREDICTION_DATABASE_URL": f"{url}:{self.proxy.port}/vehicle_price",
            "WEB_WORKERS": "2",
            "OMP_NUM_THREADS": "1",
        }
        self.postgres = self._program("postgres", _postgres(folder, database_port))
        self.forwarder = self._program("forwarder", [sys.executable, "-m", "service.forwarder"])
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", "service/gunicorn.conf.py"]
        self.service = self._program("service", gunicorn)
        self.programs = (self.postgres, self.forwarder, self.service)

    def start(self) -> None:
        """Start everything and wait until the service and the database answer."""
        for program in self.programs:
            program.start()
        self.let_in()
        self.wait_for_service()

    def let_in(self) -> None:
        """Open the way to the database and make it, once PostgreSQL runs."""
        self.proxy.switch("open")
        self._create_database()

    def stop(self) -> None:
        """End everything."""
        for program in reversed(self.programs):
            program.stop()
        self.proxy.switch("refusing")

    def workers(self) -> list[int]:
        """Process ids of Gunicorn's workers."""
        master = self.service.process.pid
        children = Path(f"/proc/{master}/task/{master}/children")
        return [int(pid) for pid in children.read_text(encoding="ascii").split()]

    def kill(self, what: str) -> None:
        """kill -9 of a worker, of Gunicorn's master, of the forwarder or of PostgreSQL."""
        if what == "worker":
            with suppress(OSError, IndexError):
                os.kill(random.choice(self.workers()), signal.SIGKILL)
        else:
            {"master": self.service, "forwarder": self.forwarder, "postgres": self.postgres}[
                what
            ].kill()

    def query(self, sql: str, *values: object) -> list[tuple]:
        """Rows from the database, past the proxy."""
        deadline = time.monotonic() + 30
        while True:
            try:
                with closing(psycopg2.connect(self.database.url)) as connection:
                    with connection, connection.cursor() as cursor:
                        cursor.execute(sql, values)
                        return cursor.fetchall()
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def waiting(self) -> int:
        """Records in the outbox."""
        with closing(Outbox(self.folder / "outbox" / "outbox.sqlite", 2**28)) as outbox:
            return outbox.fill().records

    def drain(self, timeout: float) -> float:
        """Wait until the outbox is empty; seconds it took. Raises TimeoutError."""
        began = time.monotonic()
        while left := self.waiting():
            if time.monotonic() - began > timeout:
                raise TimeoutError(f"{left} records are still in the outbox after {timeout:.0f} s")
            time.sleep(0.1)
        return time.monotonic() - began

    def _program(self, name: str, command: list[str]) -> Program:
        environ = self.environ if name != "postgres" else dict(os.environ)
        return Program(name, command, environ, self.folder / f"{name}.log")

    def _create_database(self) -> None:
        url = self.database.url.replace("/vehicle_price", "/postgres")
        deadline = time.monotonic() + 30
        while True:
            try:
                with closing(psycopg2.connect(url)) as connection:
                    connection.autocommit = True
                    with connection.cursor() as cursor:
                        cursor.execute("CREATE DATABASE vehicle_price")
                return
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def wait_for_service(self) -> None:
        """Return once it serves a model."""
        for _ in range(300):
            with suppress(OSError, http.client.HTTPException):
                line = http.client.HTTPConnection(HOST, self.service_port, timeout=5)
                line.request("GET", "/ready")
                if line.getresponse().status == 200:
                    return
            time.sleep(0.2)
        raise TimeoutError((self.folder / "service.log").read_text("utf-8")[-3000:])


@contextmanager
def rig_with(valuation: object, started: bool = True) -> Iterator[Rig]:
    """A rig that serves `valuation`, running or not yet; its folder is deleted in the end."""
    folder = Path(tempfile.mkdtemp(prefix="vehicle-price-log-"))
    folder.chmod(0o711)  # as root, PostgreSQL runs as another user
    version = folder / "model" / "versions" / "1-rig"
    version.parent.mkdir(parents=True)
    manifest = save(valuation, version)
    current = {
        "name": "vehicle-price",
        "version": "1",
        "run_id": "rig",
        "folder": "versions/1-rig",
        "tags": {"manifest_sha256": manifest, "data_sha256": "d" * 64, "git_commit": "c" * 40},
        "metrics": {},
    }
    (folder / "model" / "current.json").write_text(json.dumps(current), encoding="utf-8")
    rig = Rig(folder)
    try:
        if started:
            rig.start()
        yield rig
    finally:
        rig.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Plan:
    """How hard a rig is tried. away_seconds: refusing, and then silent, so long each."""

    predictions: int
    kills: int
    away_seconds: float
    clients: int
    per_second: float


@dataclass(frozen=True)
class Found:
    """What became of the answers. p99: in seconds, without faults and with them."""

    answered: int
    missing: int
    doubled: int
    keys_doubled: int
    repeated: int
    kills: int
    refused: int
    broken: int
    most_waiting: int
    caught_up_seconds: float
    p99_quiet: float
    p99_faults: float
    drained_seconds: float
    seconds: float


def prove(rig: Rig, plan: Plan) -> Found:
    """Ask a third of the predictions in peace and the rest while things are killed and away."""
    began, parts = time.monotonic(), []
    clients = Clients(rig.service_port, plan.clients, plan.clients / plan.per_second)
    with clients.asking():
        _until(clients, plan.predictions / 3)
        parts.append(clients.phase())
        with _killing(rig, plan) as killed:
            waiting, caught_up = _away(rig, plan.away_seconds)
            left = plan.predictions - len(parts[0].ids)
            while len(clients.answers.ids) < left or len(killed) < plan.kills:
                time.sleep(0.05)
    parts.append(clients.phase())
    drained = rig.drain(120)
    ids = [one for part in parts for one in part.ids]
    keys = parts[0].keys | parts[1].keys
    rows = rig.query("SELECT prediction_id::text, idempotency_key FROM predictions")
    logged = {row[0] for row in rows}
    with_key = [row[1] for row in rows if row[1]]
    return Found(
        answered=len(ids),
        missing=sum(one not in logged for one in ids),
        doubled=len(rows) - len(logged) + len(ids) - len(set(ids)),
        keys_doubled=len(with_key) - len(set(with_key)),
        repeated=len(keys),
        kills=len(killed),
        refused=sum(len(part.refused) for part in parts),
        broken=sum(part.broken for part in parts),
        most_waiting=waiting,
        caught_up_seconds=caught_up,
        p99_quiet=parts[0].p99(),
        p99_faults=parts[1].p99(),
        drained_seconds=drained,
        seconds=time.monotonic() - began,
    )


@contextmanager
def _killing(rig: Rig, plan: Plan) -> Iterator[list[str]]:
    """Kill one thing after the other, spread over the time that the predictions take."""
    killed: list[str] = []
    ended = threading.Event()
    pause = max(plan.predictions * 2 / 3 / plan.per_second, 2 * plan.away_seconds) / plan.kills

    def kill() -> None:
        for what in itertools.islice(itertools.cycle(VICTIMS), plan.kills):
            if ended.wait(pause):
                return
            rig.kill(what)
            killed.append(what)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()


def _away(rig: Rig, seconds: float) -> tuple[int, float]:
    """Let the database refuse, then fall silent, then return.

    The most records that waited, and the seconds until fewer than FEW did, while others came.
    """
    for mode in ("refusing", "silent"):
        rig.proxy.switch(mode)
        time.sleep(seconds)
    waiting, began = rig.waiting(), time.monotonic()
    rig.proxy.switch("open")
    while rig.waiting() >= FEW and time.monotonic() - began < 300:
        time.sleep(0.1)
    return waiting, time.monotonic() - began


def _until(clients: Clients, count: float) -> None:
    while len(clients.answers.ids) < count:
        time.sleep(0.05)


def _postgres(folder: Path, port: int) -> list[str]:
    data = folder / "postgres"
    postgres.open_way(Path(postgres.binary("postgres")))
    postgres.initialise(data, PASSWORD)
    options = [f"-c{name}={value}" for name, value in postgres.SERVER_OPTIONS.items()]
    server = [postgres.binary("postgres"), "-D", str(data), f"-p{port}", *options]
    return [*postgres.unprivileged(), *server]
