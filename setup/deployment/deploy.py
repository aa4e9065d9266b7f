"""`make deploy` and `make rollback`: one release at a time, and back to the one before by itself.

Every step can be repeated. What a killed deployment has left is put right by the next one: the
state says which release served, and that one is restored first.
"""

import subprocess
from collections.abc import Callable, Mapping

from setup.deployment import release as release_file
from setup.deployment import state as states
from setup.deployment.adoption import running_release
from setup.deployment.files import read_lines, replace_lines
from setup.deployment.installation import Installation
from setup.deployment.release import DeploymentError, Release
from setup.deployment.rollout import Rollout
from setup.deployment.state import State
from setup.docker import engine

PULL_SECONDS = 1800
DEPLOYED, REFUSED, NOT_NAMED = 0, 1, 3
FAILURES = (DeploymentError, engine.EngineError, KeyboardInterrupt)


class Deployment:
    """Deployments on this host."""

    def __init__(self, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        """Raises DeploymentError."""
        self.environ, self.say = environ, say
        self.installation = Installation(environ)
        self.folder = self.installation.folder
        self.parameter = environ.get("RELEASE_PARAMETER", "")
        if "COMMIT" in read_lines(self.installation.env_file) and not self.parameter:
            raise DeploymentError(
                "this host takes its release from AWS's Parameter Store when it boots: set "
                "RELEASE_PARAMETER, an output of Terraform, or it would boot the former release"
            )

    def deploy(self) -> int:
        """Deploy the release of RELEASE_ENV; the exit code."""
        wanted = release_file.read(release_file.default_path(self.environ))
        with states.only_one(self.folder):
            state = self._settled()
            return self._change(state, wanted, is_new=True)

    def rollback(self) -> int:
        """Return to the release before; from a deployment that was killed, to the one that served.

        The schema stays: migrations are additive.
        """
        with states.only_one(self.folder):
            state = states.read(self.folder)
            if state.under_way:
                state = self._settled()
                self.say(f"Release {state.serving.short} serves; the killed deployment is undone.")
                return DEPLOYED
            if not state.before:
                raise DeploymentError("there is no release before: nothing was deployed here yet")
            return self._change(state, state.before, is_new=False)

    def _settled(self) -> State:
        """The state, after what a killed deployment has left was put right."""
        state = states.read(self.folder)
        if not state.serving:
            state = State(serving=running_release(self.installation))
        if state.under_way:
            self.say(f"The deployment of {state.under_way.short} was killed: undoing it first.")
            self._rollout().restore(state.serving)
            state = state._replace(under_way=None)
        states.write(self.folder, state)
        return state

    def _change(self, state: State, wanted: Release, is_new: bool) -> int:
        self.say(f"Release {state.serving.short} serves; {wanted.short} is to take its place.")
        rollout = self._rollout()
        self._pull(wanted)
        states.write(self.folder, state._replace(under_way=wanted))
        try:
            if is_new:
                rollout.migrate(wanted)
            same_prices = is_new and not self.environ.get("ACCEPT_OTHER_PRICES")
            rollout.bring(wanted, same_prices)
        except FAILURES as error:
            self.say(f"\nRelease {wanted.short} is refused: {error or 'interrupted'}\n")
            self._return(state)
            return REFUSED
        return self._commit(state, wanted)

    def _return(self, state: State) -> None:
        try:
            self._rollout().restore(state.serving)
        except FAILURES as error:
            raise DeploymentError(
                f"the return to {state.serving.short} is not complete: {error or 'interrupted'}\n"
                "What answered before still answers. Remove the cause, then make rollback."
            ) from error
        states.write(self.folder, state)
        self.say(f"Release {state.serving.short} serves as before.")

    def _commit(self, state: State, serving: Release) -> int:
        """From here on the release is what `make build` and a boot start."""
        images = dict(serving.images)
        if self.parameter:
            images["COMMIT"] = serving.name
        replace_lines(self.installation.env_file, images)
        states.write(self.folder, State(serving=serving, before=state.serving))
        self._forget(state.before, kept=(serving, state.serving))
        self.say(f"Release {serving.name} serves.")
        return self._name_release(serving) if self.parameter else DEPLOYED

    def _name_release(self, serving: Release) -> int:
        """Tell AWS which release a host boots."""
        words = ["--type", "String", "--overwrite", "--value", serving.name]
        command = ["aws", "ssm", "put-parameter", "--name", self.parameter, *words]
        try:
            engine.run(*command, seconds=60)
        except engine.EngineError as error:
            self.say(
                f"\nIt serves, but a host that boots now starts another release: {error}\n"
                f"Repeat: {' '.join(command)}"
            )
            return NOT_NAMED
        return DEPLOYED

    def _pull(self, wanted: Release) -> None:
        """Get the images; nothing has changed yet. Raises DeploymentError."""
        for reference in self.installation.images_of_host(wanted):
            if engine.succeeds("docker", "image", "inspect", reference):
                continue
            try:
                engine.run("docker", "pull", "-q", reference, seconds=PULL_SECONDS)
            except engine.EngineError as error:
                raise DeploymentError(
                    f"{reference} cannot be pulled ({engine.last_line(str(error))}). Nothing was "
                    "changed. Sign in to the registry (docker login), or make push again"
                ) from error
            self.say(f"pulled {reference}")

    def _forget(self, old: Release | None, kept: tuple[Release, ...]) -> None:
        """Give back the disk of a release to which nothing returns any more."""
        in_use = {reference for release in kept for reference in release.images.values()}
        for reference in set(old.images.values()) - in_use if old else ():
            subprocess.run(["docker", "rmi", reference], capture_output=True, check=False)

    def _rollout(self) -> Rollout:
        return Rollout(self.installation, self.say)
