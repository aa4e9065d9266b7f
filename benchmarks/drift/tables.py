"""Tables in Markdown, and the sentences of missed bars.

They are the benchmark's result and go to stdout.
"""

from collections.abc import Sequence

FALSE, FALSE_OF_2000, POWER = 0.01, 0.02, 0.95  # promised: at most, at most, at least


def table(title: str, head: Sequence[str]) -> None:
    """Print the head of a table."""
    print(f"\n**{title}**\n\n| {' | '.join(head)} |\n|---|{'--:|' * (len(head) - 1)}", flush=True)


def row(*cells: object) -> None:
    """Print a row; a float is a share."""
    shown = (f"{cell:.1%}" if isinstance(cell, float) else str(cell) for cell in cells)
    print(f"| {' | '.join(shown)} |", flush=True)


def beyond(what: str, value: float, limit: float) -> list[str]:
    """The sentence of a missed bar, or none."""
    wrong = value > limit if limit < 0.5 else value < limit
    kind = "at most" if limit < 0.5 else "at least"
    return [f"{what}: {value:.1%}, {kind} {limit:.0%} promised"] if wrong else []
