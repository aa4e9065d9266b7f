"""One of terraform/examples: apply, an empty second plan, destroy, against the local stand-in."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import boto3

from setup.terraform_checks.program import CheckFailed, Terraform, plugin_options

STATE_BUCKET = "terraform-state"
VARIABLES = {
    "release": "0123456789abcdef0123456789abcdef01234567",
    "alarm_email": "somebody@example.com",
    "service_cidrs": '["203.0.113.0/24"]',
}


def try_example(folder: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> int:
    """Apply and destroy one example; how many resources it had. Raises CheckFailed.

    environ: leads to the stand-in. The state is in its S3, as the documents say.
    """
    clients = Clients(environ)
    clients.make_state_bucket()
    terraform = Terraform(folder, environ)
    key = f"vehicle-price/{folder.name}.tfstate"
    backend = {"bucket": STATE_BUCKET, "region": environ["AWS_REGION"], "key": key}
    terraform.run(
        "init",
        *plugin_options(),
        *(f"-backend-config={name}={value}" for name, value in backend.items()),
    )
    terraform.run("apply", "-auto-approve", *options(protected=True))
    resources = terraform.resources()
    say(f"{folder.name}: applied, {len(resources)} resources")
    check_second_plan(terraform)
    say(f"{folder.name}: second plan is empty")
    check_state(clients, key, terraform)
    say(f"{folder.name}: state on S3, locked, without a secret")
    check_protection(terraform)
    terraform.run("apply", "-auto-approve", *options(protected=False))
    terraform.run("destroy", "-auto-approve", *options(protected=False))
    if left := terraform.resources():
        raise CheckFailed(f"{folder.name}: left after destroy: {', '.join(left)}")
    clients.check_nothing_left()
    say(f"{folder.name}: destroyed")
    return len(resources)


def options(protected: bool) -> list[str]:
    """The variables of an example as options."""
    values = {**VARIABLES, "protected": str(protected).lower()}
    return [word for name, value in values.items() for word in ("-var", f"{name}={value}")]


def check_second_plan(terraform: Terraform) -> None:
    """Raises CheckFailed unless there is nothing to change."""
    terraform.run("plan", "-detailed-exitcode", *options(protected=True))


def check_state(clients: "Clients", key: str, terraform: Terraform) -> None:
    """The state is where it belongs, a lock of somebody else stops, no secret is in it."""
    state = clients.state(key)
    secrets = clients.secrets()
    if not secrets:
        raise CheckFailed("no secret was generated")
    found = [name for name, value in secrets.items() if value in state]
    if found:
        raise CheckFailed(f"the state holds {', '.join(found)}")
    clients.s3.put_object(Bucket=STATE_BUCKET, Key=f"{key}.tflock", Body=json.dumps({"ID": "x"}))
    terraform.run("plan", *options(protected=True), expected=1)
    clients.s3.delete_object(Bucket=STATE_BUCKET, Key=f"{key}.tflock")


def check_protection(terraform: Terraform) -> None:
    """With protected = true, hosts refuse to be terminated."""
    shown = json.loads(terraform.run("show", "-json"))
    templates = [
        resource["values"]["disable_api_termination"]
        for resource in _all_resources(shown["values"]["root_module"])
        if resource["type"] == "aws_launch_template"
    ]
    if not templates or not all(templates):
        raise CheckFailed(f"disable_api_termination of the hosts: {templates}")


def _all_resources(module: dict) -> list[dict]:
    children = module.get("child_modules", [])
    return module.get("resources", []) + [r for child in children for r in _all_resources(child)]


class Clients:
    """What the checks ask the stand-in themselves."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.s3 = self._client("s3")

    def _client(self, service: str):
        return boto3.client(
            service,
            endpoint_url=self._environ["AWS_ENDPOINT_URL"],
            aws_access_key_id=self._environ["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._environ["AWS_SECRET_ACCESS_KEY"],
            region_name=self._environ["AWS_REGION"],
        )

    def make_state_bucket(self) -> None:
        """Make the bucket of the state, unless it is there."""
        self.s3.create_bucket(Bucket=STATE_BUCKET)

    def state(self, key: str) -> str:
        """The state as it is stored."""
        return self.s3.get_object(Bucket=STATE_BUCKET, Key=key)["Body"].read().decode()

    def secrets(self) -> dict[str, str]:
        """Every SecureString of Parameter Store."""
        pages = self._client("ssm").get_paginator("get_parameters_by_path")
        answers = pages.paginate(Path="/", Recursive=True, WithDecryption=True)
        parameters = [p for answer in answers for p in answer["Parameters"]]
        return {p["Name"]: p["Value"] for p in parameters if p["Type"] == "SecureString"}

    def check_nothing_left(self) -> None:
        """Raises CheckFailed for what costs money and is still there."""
        reservations = self._client("ec2").describe_instances()["Reservations"]
        left = [
            instance["InstanceId"]
            for reservation in reservations
            for instance in reservation["Instances"]
            if instance["State"]["Name"] != "terminated"
        ]
        # Without tags: moto's own, a second system disk that it forgets.
        volumes = self._client("ec2").describe_volumes()["Volumes"]
        left += [volume["VolumeId"] for volume in volumes if volume.get("Tags")]
        left += [
            d["DBInstanceIdentifier"]
            for d in self._client("rds").describe_db_instances()["DBInstances"]
        ]
        left += [b["Name"] for b in self.s3.list_buckets()["Buckets"] if b["Name"] != STATE_BUCKET]
        if left:
            raise CheckFailed(f"left after destroy: {', '.join(left)}")
