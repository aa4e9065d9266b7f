"""Long work beside gevent's event loop, so that requests go on being answered meanwhile."""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def off_loop(work: Callable[..., Result]) -> Callable[..., Result]:
    """`work`, done by a native thread where gevent has made all other threads part of one loop.

    The caller waits for the result; the loop goes on. Without gevent it is a plain call.
    """
    from gevent import get_hub, monkey

    @wraps(work)
    def elsewhere(*arguments: object) -> Result:
        if not monkey.is_module_patched("threading"):
            return work(*arguments)
        return get_hub().threadpool.apply(work, arguments)

    return elsewhere


def ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`work` of each of `items`, in their order; the next one is under way in a native thread while
    the caller deals with the last. Without gevent it is `map`.
    """
    from gevent import get_hub, monkey

    if not monkey.is_module_patched("threading"):
        yield from map(work, items)
        return
    begun = None
    for item in items:
        following = get_hub().threadpool.spawn(work, item)
        if begun is not None:
            yield begun.get()
        begun = following
    if begun is not None:
        yield begun.get()
