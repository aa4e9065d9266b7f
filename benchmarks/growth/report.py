"""The table of figures, the bounds of memory, and what breaks them."""

from collections.abc import Iterator, Sequence

from benchmarks.growth.measure import INGEST, Figure

# MB of one process: what it takes whatever the size, and for each million of listings.
BOUNDS = {
    INGEST: (900, 0),
    "reading": (450, 0),
    "training input": (500, 800),
    "scoring": (650, 0),
}


def bound_mb(figure: Figure) -> float:
    """The most memory that a step may take in one process."""
    base, for_each_million = BOUNDS[figure.step]
    return base + for_each_million * figure.listings


def table(measured: Sequence[Figure]) -> str:
    """Markdown: a row for each step and size, columns for each engine."""
    counts = sorted({figure.workers for figure in measured})
    names = [cell for count in counts for cell in (engine_name(count), "its memory")]
    head = f"| step | million listings | {' | '.join(names)} |\n|---|{'--:|' * (len(names) + 1)}"
    return "\n".join([head, *_rows(measured, counts)])


def engine_name(workers: int) -> str:
    """What readers call the engine.

    >>> engine_name(0), engine_name(2)
    ('one process', 'Dask, 2 workers')
    """
    return f"Dask, {workers} worker{'s' * (workers > 1)}" if workers else "one process"


def _rows(measured: Sequence[Figure], counts: Sequence[int]) -> Iterator[str]:
    for step in BOUNDS:
        for listings in sorted({f.listings for f in measured if f.step == step}):
            by_count = {f.workers: f for f in measured if (f.step, f.listings) == (step, listings)}
            cells = [_cells(by_count.get(count)) for count in counts]
            yield f"| {step} | {listings:g} | {' | '.join(cells)} |"


def _cells(figure: Figure | None) -> str:
    if figure is None:
        return "– | –"
    bound = "" if figure.workers else f" of {bound_mb(figure):,.0f}"
    return f"{figure.seconds:,.1f} s ({figure.cpu:,.1f}) | {figure.peak_mb:,.0f}{bound} MB"


def missed(measured: Sequence[Figure]) -> list[str]:
    """A sentence for each bound that is broken and each result that depends on the engine."""
    sentences = [
        f"{f.step} of {f.listings:g} million listings took {f.peak_mb:,.0f} MB in one process, "
        f"at most {bound_mb(f):,.0f} MB stated"
        for f in measured
        if f.workers == 0 and f.peak_mb > bound_mb(f)
    ]
    results: dict[tuple[str, float], set[tuple[int, str]]] = {}
    for f in measured:
        results.setdefault((f.step, f.listings), set()).add((f.rows, f.digest))
    return sentences + [
        f"{step} of {listings:g} million listings: the engines' results differ"
        for (step, listings), different in results.items()
        if len(different) > 1
    ]
