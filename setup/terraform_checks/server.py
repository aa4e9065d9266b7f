"""`python -m setup.terraform_checks.server -H HOST -p PORT`: moto's server, nearer to AWS.

AWS Budgets: the provider asks for subscribers and tags of a budget after it has made one, and again
and again if the server does not know the question. EC2: the tags of a launch template are not part
of its content. RDS: a parameter that was set says so, without which the provider does not see it.
"""

# Moto's own actions read their parameters with this method, too.
# pylint: disable=protected-access

import json
from collections.abc import Iterable
from typing import Any

from moto.budgets.responses import BudgetsResponse
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateVersion
from moto.rds.models import DBParameterGroup
from moto.server import main

SAME = ("NotificationType", "ComparisonOperator", "Threshold")
TAGS: dict[str, dict[str, str]] = {}  # of each budget, by its ARN


def describe_subscribers_for_notification(response: BudgetsResponse) -> str:
    """Who a budget writes to."""
    account, name = response._get_param("AccountId"), response._get_param("BudgetName")
    asked = response._get_param("Notification")
    subscribers = [
        notification.subscribers
        for notification in response.backend.budgets[account][name].notifications
        if all(notification.details[key] == asked[key] for key in SAME)
    ]
    return json.dumps({"Subscribers": subscribers[0] if subscribers else []})


def create_budget(response: BudgetsResponse) -> str:
    """Moto's action, which forgets the tags."""
    account, budget = response._get_param("AccountId"), response._get_param("Budget")
    tags = response._get_param("ResourceTags") or []
    answer = MOTO_CREATE_BUDGET(response)
    TAGS[f"arn:aws:budgets::{account}:budget/{budget['BudgetName']}"] = _by_key(tags)
    return answer


def list_tags_for_resource(response: BudgetsResponse) -> str:
    """The tags of a budget."""
    tags = TAGS.get(response._get_param("ResourceARN"), {})
    return json.dumps({"ResourceTags": [{"Key": k, "Value": v} for k, v in tags.items()]})


def tag_resource(response: BudgetsResponse) -> str:
    """Add or change tags of a budget."""
    arn = response._get_param("ResourceARN")
    TAGS[arn] = TAGS.get(arn, {}) | _by_key(response._get_param("ResourceTags"))
    return "{}"


def untag_resource(response: BudgetsResponse) -> str:
    """Remove tags of a budget."""
    for key in response._get_param("ResourceTagKeys"):
        TAGS.get(response._get_param("ResourceARN"), {}).pop(key, None)
    return "{}"


def create_version(
    template: LaunchTemplate, data: dict[str, Any], description: str
) -> LaunchTemplateVersion:
    """Moto's method, without the template's own tags."""
    tags = data.get("TagSpecifications", [])
    kept = [entry for entry in tags if entry["ResourceType"] != "launch-template"]
    return MOTO_CREATE_VERSION(template, {**data, "TagSpecifications": kept}, description)


def update_parameters(group: DBParameterGroup, new_parameters: Iterable[dict[str, Any]]) -> None:
    """Moto's method, with who has set the parameters."""
    marked = [{**parameter, "Source": "user"} for parameter in new_parameters]
    MOTO_UPDATE_PARAMETERS(group, marked)


def _by_key(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


MOTO_CREATE_BUDGET = BudgetsResponse.create_budget
MOTO_CREATE_VERSION = LaunchTemplate.create_version
MOTO_UPDATE_PARAMETERS = DBParameterGroup.update_parameters
ADDED = (
    describe_subscribers_for_notification,
    create_budget,
    list_tags_for_resource,
    tag_resource,
    untag_resource,
)

if __name__ == "__main__":
    for action in ADDED:
        setattr(BudgetsResponse, action.__name__, action)
    LaunchTemplate.create_version = create_version
    DBParameterGroup.update_parameters = update_parameters
    main()
