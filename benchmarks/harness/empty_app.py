"""The floor: a Flask route that does nothing, for the service's own Gunicorn settings."""

from flask import Flask


class Nothing:
    """Where the service has what follows the model."""

    def start(self) -> None:
        """Nothing to follow."""


def create_app() -> Flask:
    """One route, `POST /predict`, that answers an empty body."""
    app = Flask(__name__)
    app.extensions["watcher"] = Nothing()

    @app.post("/predict")
    def predict() -> str:
        return ""

    return app
