"""The release that runs before the first deployment: images that were built or pulled otherwise."""

from setup.deployment.containers import Containers, image_id
from setup.deployment.installation import Installation
from setup.deployment.release import PARTS, REVISION_LABEL, SIDES, DeploymentError, Release
from setup.docker import engine

# A container that runs each image.
RUN_BY = {
    "AIRFLOW_IMAGE": "airflow-scheduler",
    "MLFLOW_IMAGE": "mlflow",
    "SERVICE_IMAGE": "service",
    "STREAMLIT_IMAGE": "streamlit",
    "EVIDENTLY_IMAGE": "evidently-service",
}


def running_release(installation: Installation) -> Release:
    """What runs now. Its images get tags of their own, since `make images` moves the tag `local`.

    Raises DeploymentError where a container is missing.
    """
    images, revisions = {}, []
    for part, variable in PARTS.items():
        side = next(side for side, variables in SIDES.items() if variable in variables)
        named = installation.variables.get(variable) or f"vehicle-price/{part}:local"
        if side in installation.sides:
            container = Containers(installation, side).need(RUN_BY[variable])
            revisions.append(_revision(container.image))
            images[variable] = _lasting(named, container.image)
        else:
            images[variable] = named
    if not revisions:
        raise DeploymentError("nothing runs here: make build RUNTIME=docker")
    return Release(revisions[-1], images)


def _lasting(named: str, image: str) -> str:
    """A reference that stays with the image of this id."""
    if "@sha256:" in named and engine.succeeds("docker", "image", "inspect", named):
        if image_id(named) == image:
            return named
    repository = named.partition("@")[0]
    head, _, last = repository.rpartition("/")
    repository = f"{head}/{last.partition(':')[0]}" if head else last.partition(":")[0]
    reference = f"{repository}:deployed-{image.removeprefix('sha256:')[:12]}"
    engine.run("docker", "tag", image, reference)
    return reference


def _revision(image: str) -> str:
    labels = engine.inspect("image", [image])[0]["Config"].get("Labels") or {}
    return labels.get(REVISION_LABEL) or image.removeprefix("sha256:")[:12]
