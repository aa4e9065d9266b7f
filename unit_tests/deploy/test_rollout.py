"""In which order the containers of a host are brought to a release."""

import pytest

from setup.deployment import rollout as module
from setup.deployment.release import PARTS, DeploymentError, Release
from setup.deployment.rollout import FORWARDER, MIGRATE, Rollout

OLD, NEW = (Release(name, {variable: name for variable in PARTS.values()}) for name in "on")
ALL = [*(service for service, _ in module.BESIDE_SERVICE)]
AIRFLOW = [service for service, _ in module.AIRFLOW]


class Host:
    """In place of containers and places: which image each service has, and what was done."""

    def __init__(self, sides):
        self.sides, self.done, self.prices = sides, [], {"o": 100, "n": 100}
        self.images = {service: "o" for service in ("service", FORWARDER, "mlflow", *ALL, *AIRFLOW)}

    def containers(self, *_):
        """In place of Containers."""
        return self

    def places(self, *_):
        """In place of Places."""
        return self

    def find(self, service):
        """As Containers.find."""
        return self.images.get(service)

    def runs(self, service, reference):
        """As Containers.runs."""
        return self.images[service] == reference

    def up(self, services, release):
        """As Containers.up."""
        self.images |= {service: release.name for service in services}
        self.done += [f"{service} {release.name}" for service in services]

    def run_once(self, service, release, *command):
        """As Containers.run_once."""
        self.done.append(" ".join([service, release.name, *command]))

    def serving(self):
        """As Places.serving."""
        return "service"

    def price(self, place):
        """As Places.price."""
        return module.Price(self.prices[self.images[place]], "model")

    price_when_ready = kept_price = price

    def replace(self, release, check):
        """As Places.replace."""
        self.done.append(f"service {release.name}")
        self.images["service"] = release.name
        check("service")

    restore = replace

    def wait_until_drained_now(self):
        """As Places.wait_until_drained_now."""
        self.done.append("drained")


@pytest.fixture(name="host", params=[("training", "serving")])
def fixture_host(request, monkeypatch):
    """A host on which OLD runs; `param` are its sides."""
    host = Host(request.param)
    monkeypatch.setattr(module, "Containers", host.containers)
    monkeypatch.setattr(module, "Places", host.places)
    return host


def rollout(host):
    """A rollout on the host, which knows its sides."""
    return Rollout(host, lambda _: None)


def test_roles_come_before_the_schema_that_gives_them_rights(host):
    rollout(host).migrate(NEW)
    assert host.done == ["database-roles n", " ".join(["prediction-archive n", *MIGRATE])]


def test_a_newer_forwarder_comes_before_the_service_and_the_training_side_last(host):
    rollout(host).bring(NEW, is_newer=True, same_prices=True)
    assert host.done == [
        *(f"{FORWARDER} n", "service n", *(f"{service} n" for service in ALL)),
        *("mlflow n", "mlflow-access n", "airflow-migrate n"),
        *(f"{service} n" for service in AIRFLOW),
    ]


def test_an_older_forwarder_comes_when_the_outbox_is_empty_and_airflow_does_not_migrate(host):
    rollout(host).bring(NEW, is_newer=False, same_prices=False)
    assert host.done[:3] == ["service n", "drained", f"{FORWARDER} n"]
    assert not [step for step in host.done if "migrate" in step]


def test_another_price_with_the_same_model_is_refused_unless_it_is_accepted(host):
    host.prices["n"] = 101
    with pytest.raises(DeploymentError, match="101 USD in the new version and at 100"):
        rollout(host).bring(NEW, is_newer=True, same_prices=True)
    host.images["service"] = "o"
    rollout(host).bring(NEW, is_newer=True, same_prices=False)


def test_a_return_touches_only_what_differs(host):
    host.images |= {FORWARDER: "n", "streamlit": "n", "airflow-scheduler": "n"}
    rollout(host).restore(OLD)
    assert host.done == [
        *("service o", "drained", f"{FORWARDER} o", "streamlit o", "airflow-scheduler o")
    ]


@pytest.mark.parametrize("host", [("serving",)], indirect=True)
def test_a_serving_host_touches_nothing_of_the_other_side(host):
    rollout(host).migrate(NEW)
    rollout(host).bring(NEW, is_newer=True, same_prices=True)
    rollout(host).restore(OLD)
    assert not [step for step in host.done if "airflow" in step or "mlflow" in step]
    assert not [step for step in host.done if "database-roles" in step]


@pytest.mark.parametrize("host", [("training",)], indirect=True)
def test_a_training_host_touches_nothing_of_the_other_side(host):
    rollout(host).migrate(NEW)
    rollout(host).bring(NEW, is_newer=True, same_prices=True)
    assert {step.split()[0] for step in host.done} == {
        *("database-roles", "mlflow", "mlflow-access", "airflow-migrate", *AIRFLOW)
    }
