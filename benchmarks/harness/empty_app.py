"""A Flask route that does nothing, to run under the service's Gunicorn settings."""

from flask import Flask


class NoWatcher:
    """In place of the service's model watcher, which Gunicorn's settings start."""

    def start(self) -> None:
        """Do nothing."""


def create_app() -> Flask:
    """One route, `POST /predict`, with an empty answer."""
    app = Flask(__name__)
    app.extensions["watcher"] = NoWatcher()

    @app.post("/predict")
    def predict() -> str:
        return ""

    return app
