"""Gunicorn's settings for the service. `gunicorn -c service/gunicorn.conf.py …`

setup/serving.md gives the reasons and the figures. Each worker loads the application and its model,
so that a reload (HUP) uses new code. Large modules that rarely change are loaded before the fork,
so that the workers share their memory.
"""

# pylint: disable=invalid-name

import ctypes
import gc
import os
import resource
import sys

from service.server.worker import Worker
from vehicle_price.log_setup import configure
from vehicle_price.settings import Settings

GIL_SECONDS = 0.0005  # the event loop and a native thread switch after this time
M_MMAP_THRESHOLD = -3  # glibc's malloc.h
LARGE_BLOCK = 256 * 1024  # bytes

_settings = Settings.from_environment()
_metrics_dir = f"{_settings.run_dir}/metrics-{_settings.service_port}"

wsgi_app = "service.app:create_service_from_environment()"
bind = f"{_settings.service_bind_host}:{_settings.service_port}"
workers = _settings.web_workers
worker_class = Worker  # ASGI: a slow client costs a few kilobytes, not a thread
preload_app = False
raw_env = [
    "OMP_NUM_THREADS=1",  # NumPy would start threads that nothing here needs
    f"PROMETHEUS_MULTIPROC_DIR={_metrics_dir}",
]

timeout = 60  # of a worker whose loop stands still, not of a request
graceful_timeout = 30
keepalive = 15  # seconds until the next request begins
max_requests = 0

control_socket_disable = True  # it would lie in the home folder and be shared by all services
loglevel = _settings.log_level.lower()
accesslog = None  # server/access_log.py writes it
errorlog = "-"


def _return_large_blocks():
    """Make glibc return each large block, such as a model's trees, to the kernel.

    By default it stops doing so after the first model was replaced, and the worker keeps the memory
    of old models. Other C libraries behave otherwise, and have no `mallopt`.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)


def _raise_file_limit():
    """Let each worker have as many connections as the system allows: often 1,024 are the start."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def on_starting(_):
    """Once, in the master, before the first worker: reset the counters, and load the compiler of
    the scorer where all workers share its memory."""
    # Not at the top: NumPy and prometheus_client read raw_env.
    from service.observability.multiprocess import wipe
    from vehicle_price.model.scorer import compile_scorer

    _raise_file_limit()
    wipe(_metrics_dir)
    compile_scorer()
    _return_large_blocks()
    gc.freeze()  # else each worker's first garbage collection copies the shared memory


def post_fork(_, worker):
    """In the new worker, before it loads the application."""
    from service.observability.multiprocess import reserve

    os.environ["PROMETHEUS_MULTIPROC_DIR"] = reserve(_metrics_dir, worker.pid)


def child_exit(server, _):
    """In the master, after a worker has ended in any way: keep its counts."""
    from service.observability.multiprocess import fold

    fold(_metrics_dir, alive=server.WORKERS)


def post_worker_init(worker):
    """Load the model in this worker, and watch MODEL_DIR for the next one."""
    sys.setswitchinterval(GIL_SECONDS)
    configure(_settings.log_level)
    worker.wsgi.watcher.start()
