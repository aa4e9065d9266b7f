"""The installation on this host: its variables, its sides, its commands of compose."""

from collections.abc import Mapping
from pathlib import Path

from setup.deployment.files import read_lines
from setup.deployment.release import ROOT, SIDES, DeploymentError, Release
from setup.docker import engine

FILES = {"training": "docker-compose-airflow.yml", "serving": "docker-compose-service.yml"}
# Addresses for people in links, with the port of this installation.
PAGES = {
    "AIRFLOW_PAGE_URL": ("AIRFLOW_PORT", "8080"),
    "MLFLOW_PAGE_URL": ("MLFLOW_PORT", "5001"),
    "STREAMLIT_URL": ("STREAMLIT_PORT", "8501"),
    "EVIDENTLY_URL": ("EVIDENTLY_PORT", "8000"),
}


class Installation:
    """What `.env` and the environment describe."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Raises DeploymentError."""
        self.env_file = Path(environ.get("ENV_FILE") or ROOT / ".env").absolute()
        if not self.env_file.is_file():
            raise DeploymentError(
                f"{self.env_file} is missing: nothing to deploy to. make build RUNTIME=docker "
                "starts a platform; ENV_FILE names the file of another one"
            )
        self.variables = read_lines(self.env_file) | {n: v for n, v in environ.items() if v}
        self.name = self.variables.get("COMPOSE_PROJECT_NAME") or engine.DEFAULT_PROJECT
        self.sides = _sides(self.variables.get("SIDE", ""))
        self._environ = dict(environ)
        self._environ["PLATFORM_NETWORK"] = self.variables.get("PLATFORM_NETWORK") or self.name
        for name, (port, default) in PAGES.items():
            address = f"http://127.0.0.1:{self.variables.get(port) or default}"
            self._environ[name] = self.variables.get(name) or address

    @property
    def folder(self) -> Path:
        """Where the state of deployments is kept."""
        return self.env_file.parent

    def project(self, side: str) -> str:
        """Compose's name for the containers of one side."""
        return f"{self.name}-{side}"

    def compose(self, side: str, release: Release, *words: str) -> str:
        """Run compose with the images of a release; its output. Raises EngineError."""
        options = ["-p", self.project(side), "--project-directory", str(ROOT)]
        options += ["--env-file", str(self.env_file), "-f", str(ROOT / FILES[side])]
        logs = self.folder / f"logs-{side}.yml"  # of first_boot.sh: where containers log on AWS
        if logs.exists():
            options += ["-f", str(logs)]
        command = [*engine.compose_command(), *options, *words]
        return engine.run(*command, environ=self._environ | dict(release.images))

    def images_of_host(self, release: Release) -> list[str]:
        """The references that this host needs."""
        return [release.images[variable] for side in self.sides for variable in SIDES[side]]


def _sides(named: str) -> tuple[str, ...]:
    if named not in ("", "both", *FILES):
        raise DeploymentError(f"SIDE={named}: expected {' or '.join(FILES)}, or nothing for both")
    return (named,) if named in FILES else tuple(FILES)
