"""Gunicorn's settings for the service. `gunicorn -c service/gunicorn.conf.py …`

Why these and not others, with figures: setup/serving.md. The application and its model are
loaded in each worker, so that a reload (HUP) takes new code; what is large and rarely changes is
loaded before the fork, where the workers share its memory.
"""

# pylint: disable=invalid-name

import ctypes
import gc
import os
import sys

import gunicorn.http.wsgi
import gunicorn.util

from service.observability.log_setup import configure
from service.server import response_writer
from service.server.access_log import AccessLogger
from service.server.error_page import write_error
from vehicle_price.settings import Settings

GIL_SECONDS = 0.0005  # how long the loop and a native thread beside it wait for each other
M_MMAP_THRESHOLD = -3  # glibc's malloc.h
LARGE_BLOCK = 256 * 1024  # bytes

_settings = Settings.from_environment()
_metrics_dir = f"{_settings.run_dir}/metrics-{_settings.service_port}"

wsgi_app = "service.app:create_app_from_environment()"
bind = f"{_settings.bind_host}:{_settings.service_port}"
workers = _settings.web_workers
worker_class = "gevent"  # a slow client costs a few kilobytes, not a thread
worker_connections = 1000  # of each worker; further ones wait in the backlog
preload_app = False
raw_env = [
    "OMP_NUM_THREADS=1",  # NumPy would start threads that nothing here needs
    f"PROMETHEUS_MULTIPROC_DIR={_metrics_dir}",
]

timeout = 60  # of a worker whose loop stands still, not of a request
graceful_timeout = 30
keepalive = 15  # seconds for the next request's head to arrive, whole
limit_request_line = 8190
limit_request_fields = 60
limit_request_field_size = 8190
forwarder_headers = ""  # else a client's header SCRIPT_NAME decides which route it gets
max_requests = 0

control_socket_disable = True  # it would lie in the home folder and be shared by all services
loglevel = _settings.log_level.lower()
accesslog = "-"
errorlog = "-"
logger_class = AccessLogger


def _give_large_blocks_back():
    """Have glibc ask the kernel for each large block, such as a model's trees.

    By itself it stops doing so after the first model was replaced; the old models' room then stays
    with the worker. Other C libraries have no such habit, and no `mallopt`.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)


def on_starting(_):
    """Once, in the master, before there are workers: counters begin at 0, and what compiles the
    scorer is loaded where all workers share it."""
    # Not at the top: NumPy and prometheus_client read raw_env.
    from service.observability.multiprocess import wipe
    from vehicle_price.model.scorer import prepare

    gunicorn.util.write_error = write_error
    gunicorn.http.wsgi.Response = response_writer.Response
    wipe(_metrics_dir)
    prepare()
    _give_large_blocks_back()
    gc.freeze()  # or each worker's first collection would copy what is shared


def post_fork(_, worker):
    """In the new worker, before it loads the application."""
    from service.observability.multiprocess import reserve

    os.environ["PROMETHEUS_MULTIPROC_DIR"] = reserve(_metrics_dir, worker.pid)


def child_exit(server, _):
    """In the master, when a worker has ended, however it ended: keep what it counted."""
    from service.observability.multiprocess import fold

    fold(_metrics_dir, alive=server.WORKERS)


def post_worker_init(worker):
    """Load the model in this worker, and watch for its successor."""
    sys.setswitchinterval(GIL_SECONDS)
    configure(_settings.log_level)
    worker.wsgi.extensions["watcher"].start()
