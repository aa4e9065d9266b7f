"""Long work beside gevent's event loop, so that requests go on being answered meanwhile."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

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
