"""Gunicorn's settings for the service. `gunicorn -c service/gunicorn.conf.py …`

The code is loaded in each worker and the model after the fork: an XGBoost model loaded before
the fork hangs the child.
"""

# pylint: disable=invalid-name

from service.access_log import AccessLogger
from service.logs import configure
from vehicle_price.settings import Settings

_settings = Settings.from_environment()

wsgi_app = "service.app:create_app_from_environment()"
bind = f"{_settings.bind_host}:{_settings.service_port}"
workers = _settings.web_workers
worker_class = "gthread"
threads = 16
preload_app = False
raw_env = ["OMP_NUM_THREADS=1"]  # one row gains nothing from more, and workers would fight

timeout = 60
graceful_timeout = 30
keepalive = 15
limit_request_line = 8190
limit_request_fields = 60
limit_request_field_size = 8190
max_requests = 0

control_socket_disable = True  # it would lie in the home folder and be shared by all services
loglevel = _settings.log_level.lower()
accesslog = "-"
errorlog = "-"
logger_class = AccessLogger


def post_worker_init(worker):
    """Load the model in this worker, and watch for its successor."""
    configure(_settings.log_level)
    worker.wsgi.extensions["watcher"].start()
