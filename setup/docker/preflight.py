"""Check the conditions of `make build RUNTIME=docker` before anything starts.

Only the standard library. All problems are reported at once, each with what to do.
"""

import os
import sys

from setup.docker import engine
from setup.native import preflight
from setup.native.environment import settings_from


def main() -> int:
    """Print the problems; 0 when there is none, else 1."""
    sentences = problems()
    if sentences:
        print("make build cannot start yet:", file=sys.stderr)
    for number, sentence in enumerate(sentences, 1):
        print(f"  {number}. {sentence}", file=sys.stderr)
    return 1 if sentences else 0


def problems() -> list[str]:
    """Every problem as a sentence that ends with what to do."""
    sentences = preflight.python_problems()
    if reason := engine.problem():
        sentences.append(f"{reason}. Install or start Docker, or use RUNTIME=native.")
    if sentences:
        return sentences
    from setup.runtime.choice import DOCKER, running_runtimes

    try:
        settings = settings_from(os.environ)
    except ValueError as error:
        return [f"{error}. Correct it in .env or in your environment."]
    if DOCKER in running_runtimes(os.environ):
        return []
    return preflight.port_problems(settings) + preflight.memory_problems(
        preflight.available_memory()
    )


if __name__ == "__main__":
    sys.exit(main())
