"""Size and build time of the five Docker images, each built from nothing.

    python -m benchmarks.docker_images

Packages are downloaded for each. Prints the README's table.
"""

import os
import sys

from setup.docker import images
from setup.docker.env_file import ensure_secrets


def main() -> None:
    """Build every image without the engine's cache and print the table."""
    variables = {**ensure_secrets(os.environ), **os.environ}
    base = images.megabytes(images.BASE)
    print("| image | size | of it the base | built in |\n|---|--:|--:|--:|", flush=True)
    for name in images.OWN:
        built = images.build(variables, lambda _: None, (name,), from_nothing=True)[0]
        row = f"{built.megabytes:,.0f} MB | {base:,.0f} MB | {built.seconds:.0f} s"
        print(f"| `vehicle-price/{name}` | {row} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
