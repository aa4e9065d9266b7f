"""`python -m setup.deployment push|deploy|rollback`: the Makefile's commands.

Exit codes: 0, it serves; 1, refused, the release before serves; 3, it serves, but AWS's Parameter
Store still names another one.
"""

import argparse
import os
import signal
import sys

from setup.deployment import push
from setup.deployment.deploy import Deployment
from setup.deployment.release import DeploymentError
from setup.docker import engine


def main() -> int:
    """Run one command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m setup.deployment", description=__doc__)
    parser.add_argument("command", choices=("push", "deploy", "rollback"))
    command = parser.parse_args().command
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)  # as Ctrl-C: back to what served
    try:
        if reason := engine.problem():
            raise engine.EngineError(f"{reason}. Start Docker")
        if command == "push":
            push.main(os.environ, _say)
            return 0
        deployment = Deployment(os.environ, _say)
        return deployment.deploy() if command == "deploy" else deployment.rollback()
    except (DeploymentError, engine.EngineError) as error:
        print(f"\n{error}", file=sys.stderr)
    except OSError as error:  # such as a full disk
        print(f"\n{error}. Remove the cause, then make rollback", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
    return 1


def _say(line: str) -> None:
    print(line, flush=True)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
