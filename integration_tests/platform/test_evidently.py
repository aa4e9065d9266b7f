"""Evidently's pages run beside the platform; only a holder of the secret can change them."""

import requests

from integration_tests.helpers.waiting import answers, wait_until

PATIENCE = 10  # seconds for one answer


def test_evidently_answers_and_lets_nobody_change_anything_without_the_secret(platform):
    url = platform.evidently_url
    assert url in platform.build_output
    wait_until(lambda: answers(f"{url}/api/version"))
    secret = (platform.local_dir / "secrets" / "evidently_secret").read_text("utf-8").strip()
    projects = f"{url}/api/projects"
    project = {"name": "made by a test", "description": ""}
    assert requests.post(projects, json=project, timeout=PATIENCE).status_code == 403
    headers = {"evidently-secret": secret}
    made = requests.post(projects, json=project, headers=headers, timeout=PATIENCE)
    assert made.ok, made.text
    (listed,) = requests.get(projects, timeout=PATIENCE).json()
    address = f"{projects}/{listed['id']}"
    assert requests.delete(address, timeout=PATIENCE).status_code == 403
    assert requests.delete(address, headers=headers, timeout=PATIENCE).ok
    assert "evidently-ui             RUNNING" in platform.run("status").stdout
