"""Peak memory of the containers of each side, which sizes the hosts in `terraform/sizing.tf`.

    python -m benchmarks.containers.memory [--seconds 600] [--project vehicle-price]

Start it, then train (`make retrain`) and ask for prices. Every two seconds it adds up what the
engine reports for each container, file cache left out; it prints the largest sums.
"""

import argparse
import re
import subprocess
import time

SIDES = ("training", "serving")
UNITS = {"B": 2**-20, "KiB": 2**-10, "MiB": 1.0, "GiB": 2.0**10}


def main() -> None:
    """Watch for the given time and print the peaks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--project", default="vehicle-price")
    arguments = parser.parse_args()
    peaks: dict[str, float] = {}
    deadline = time.monotonic() + arguments.seconds
    while time.monotonic() < deadline:
        used = memory(arguments.project)
        used["both"] = sum(used.values())
        peaks = {name: max(peaks.get(name, 0), mebibytes) for name, mebibytes in used.items()}
    for name, peak in peaks.items():
        print(f"{name:<10}{peak:8,.0f} MiB")


def memory(project: str) -> dict[str, float]:
    """MiB that the containers of each side use now."""
    command = ["docker", "stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}"]
    lines = subprocess.check_output(command, text=True).splitlines()
    return {
        side: sum(_mebibytes(line) for line in lines if line.startswith(f"{project}-{side}"))
        for side in SIDES
    }


def _mebibytes(line: str) -> float:
    number, unit = re.match(r"([\d.]+)(\w+)", line.split()[1]).groups()
    return float(number) * UNITS[unit]


if __name__ == "__main__":
    main()
