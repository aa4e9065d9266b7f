"""`make push`: tag the five images with their commit, push them, write down their digests."""

import subprocess
from collections.abc import Callable, Mapping

from setup.deployment import release
from setup.deployment.release import COMMIT, PARTS, REVISION_LABEL, ROOT, DeploymentError, Release
from setup.docker import engine

BUILT = "vehicle-price/{}:local"  # by make images
PUSH_SECONDS = 1800


def push(environ: Mapping[str, str], say: Callable[[str], None]) -> Release:
    """Push what `make images` has built to IMAGE_REGISTRY. Raises DeploymentError, EngineError."""
    registry = environ.get("IMAGE_REGISTRY", "").rstrip("/")
    if not registry:
        raise DeploymentError("set IMAGE_REGISTRY, such as registry.example.com/vehicle-price")
    built = {part: environ.get(variable) or BUILT.format(part) for part, variable in PARTS.items()}
    commit = common_commit({part: _revision(name) for part, name in built.items()})
    images = {}
    for part, name in built.items():
        target = f"{registry}/{part}:{commit}"
        engine.run("docker", "tag", name, target)
        engine.run("docker", "push", "-q", target, seconds=PUSH_SECONDS)
        images[PARTS[part]] = _digest(f"{registry}/{part}", target)
        say(images[PARTS[part]])
    if environ.get("RELEASES_URL"):  # an AWS host fetches the compose files from there
        script = ROOT / "setup" / "deploy" / "publish_release.sh"
        if subprocess.run([script, commit], env=dict(environ), check=False).returncode:
            raise DeploymentError(f"the files of {commit} could not be published: see above")
    return Release(commit, images)


def common_commit(revisions: Mapping[str, str]) -> str:
    """The commit that all images are of. Raises DeploymentError.

    >>> common_commit({"service": "a" * 40, "mlflow": "a" * 40}) == "a" * 40
    True
    """
    commits = set(revisions.values())
    if len(commits) == 1 and COMMIT.fullmatch(commit := commits.pop()):
        return commit
    found = ", ".join(f"{part} {revision or 'unknown'}" for part, revision in revisions.items())
    raise DeploymentError(
        f"a release is one commit without other changes, the images are of {found}: "
        "commit everything, then make images"
    )


def _revision(name: str) -> str:
    facts = engine.inspect("image", [name])[0]
    return (facts["Config"].get("Labels") or {}).get(REVISION_LABEL, "")


def _digest(repository: str, target: str) -> str:
    """The reference by digest that the registry gave the image."""
    for reference in engine.inspect("image", [target])[0]["RepoDigests"]:
        if reference.startswith(f"{repository}@"):
            return reference
    raise DeploymentError(f"{target} has no digest after its push")


def main(environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Push, and write RELEASE_ENV."""
    pushed = push(environ, say)
    path = release.default_path(environ)
    release.write(path, pushed)
    say(f"{path} names release {pushed.name}: make deploy")
