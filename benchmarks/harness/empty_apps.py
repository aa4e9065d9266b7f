"""Routes that do nothing, the floors of the service's speed: `POST /predict`, an empty answer."""

from fastapi import FastAPI, Response
from flask import Flask


def flask_app() -> Flask:
    """The route in Flask."""
    app = Flask(__name__)

    @app.post("/predict")
    def predict() -> str:
        return ""

    return app


def fastapi_app() -> FastAPI:
    """The route in FastAPI."""
    app = FastAPI()

    @app.post("/predict")
    async def predict() -> Response:
        return Response()

    return app
