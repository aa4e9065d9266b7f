"""Bring every container of this host to a release, the service without a failed request.

Order: what the new code needs comes before it (roles, schema, a forwarder that knows its records),
and the service before everything that may rest for a moment.
"""

from collections.abc import Callable, Sequence
from functools import partial

from setup.deployment.containers import Containers
from setup.deployment.installation import Installation
from setup.deployment.places import Places
from setup.deployment.probes import Price
from setup.deployment.release import DeploymentError, Release

MIGRATE = ("python", "-m", "vehicle_price.prediction_log.migrations")
FORWARDER = "prediction-forwarder"
BESIDE_SERVICE = (  # service of compose, variable of its image
    ("model-sync", "SERVICE_IMAGE"),
    ("streamlit", "STREAMLIT_IMAGE"),
    ("evidently-service", "EVIDENTLY_IMAGE"),
    ("prediction-archive", "EVIDENTLY_IMAGE"),
    ("evidently-ui", "EVIDENTLY_IMAGE"),
)
MLFLOW = ("mlflow", "MLFLOW_IMAGE")
AIRFLOW = (
    ("airflow-api-server", "AIRFLOW_IMAGE"),
    ("airflow-scheduler", "AIRFLOW_IMAGE"),
    ("airflow-dag-processor", "AIRFLOW_IMAGE"),
)
WORKER = ("airflow-worker", "AIRFLOW_IMAGE")  # of the profile celery: only where it runs


class Rollout:
    """The rollout of releases on one installation."""

    def __init__(self, installation: Installation, say: Callable[[str], None]) -> None:
        """Raises DeploymentError, EngineError."""
        self.installation, self.say = installation, say
        self._serving = Containers(installation, "serving")
        self._training = Containers(installation, "training")
        self._places = Places(self._serving, say) if "serving" in installation.sides else None

    def migrate(self, release: Release) -> None:
        """Bring roles and schema to a release; the code before still works with them."""
        if "training" in self.installation.sides:
            self._training.run_once("database-roles", release)
        if self._places:
            self._serving.run_once("prediction-archive", release, *MIGRATE)
        self.say(f"{'migrations':<22} roles and schema are those of {release.short}")

    def bring(self, release: Release, is_newer: bool, same_prices: bool) -> None:
        """Replace every container by that of a release.

        is_newer: its forwarder knows all records and its Airflow all tables; an older one does not.
        same_prices: refuse it if it prices the same car with the same model otherwise than the
        version that serves. Raises DeploymentError, EngineError.
        """
        if places := self._places:
            before = places.price(places.serving()) if same_prices else None
            if is_newer:
                self._up(self._serving, [(FORWARDER, "SERVICE_IMAGE")], release)
            places.replace(release, partial(self._check, places, before))
            self._give_back_outbox(places, release)
            self._up(self._serving, BESIDE_SERVICE, release)
        if "training" in self.installation.sides:
            self._up(self._training, [MLFLOW], release)
            self._training.run_once("mlflow-access", release)
            if is_newer:
                self._training.run_once("airflow-migrate", release)
            self._up(self._training, self._airflow(), release)

    def restore(self, release: Release) -> None:
        """Return to a release after a failure: only what differs is touched, the service first,
        and no schema goes back. Raises DeploymentError, EngineError."""
        if self._places:
            self._places.restore(release, partial(self._check, self._places, None))
            self._give_back_outbox(self._places, release)
            self._up(
                self._serving, self._different(self._serving, BESIDE_SERVICE, release), release
            )
        if "training" in self.installation.sides:
            parts = (MLFLOW, *self._airflow())
            self._up(self._training, self._different(self._training, parts, release), release)

    def _check(self, places: Places, before: Price | None, place: str) -> None:
        """Refuse a version that gives no price, or another one than `before` with its model."""
        example = places.price_when_ready(place)
        if before and before.model == example.model and before.price != example.price:
            raise DeploymentError(
                f"model {example.model} prices the example at {example.price} USD in the new "
                f"version and at {before.price} in the one that serves; if that is intended: "
                "ACCEPT_OTHER_PRICES=1"
            )
        kept = places.kept_price(place)
        self.say(f"{place:<22} /ready, and {kept.price} USD with model {kept.model}")

    def _give_back_outbox(self, places: Places, release: Release) -> None:
        """Give the outbox to the forwarder of a release, where another has it: when no record of
        the newer version is in it, since an older forwarder might not know its kind."""
        if not self._serving.runs(FORWARDER, release.images["SERVICE_IMAGE"]):
            places.wait_until_drained_now()
            self._up(self._serving, [(FORWARDER, "SERVICE_IMAGE")], release)

    def _airflow(self) -> tuple[tuple[str, str], ...]:
        return AIRFLOW + ((WORKER,) if self._training.find(WORKER[0]) else ())

    def _different(
        self, containers: Containers, parts: Sequence[tuple[str, str]], release: Release
    ) -> list[tuple[str, str]]:
        return [part for part in parts if not containers.runs(part[0], release.images[part[1]])]

    def _up(
        self, containers: Containers, parts: Sequence[tuple[str, str]], release: Release
    ) -> None:
        services = [service for service, _ in parts]
        if services:
            containers.up(services, release)
        for service in services:
            self.say(f"{service:<22} {release.short}")
