"""What the application is made of: built by an entry point or a test, passed in whole."""

from dataclasses import dataclass, field
from pathlib import Path

from service.holder import Holder
from service.keys import Keys
from service.limits import Limiter
from service.lineage import LineageReader
from service.metrics import Metrics
from service.outbox import Outbox
from service.training import Trainer


@dataclass(frozen=True)
class Parts:
    """Everything `create_app` needs.

    holder: the model that serves. training: starts and follows training runs.
    keys: asked for by routes that change something.
    model_dir: where the sidecar leaves status.json, which /ready and /model quote.
    outbox: where every answer is kept before it is given. log: where it is kept later.
    metrics: what is counted. limiter: how many requests a caller may send; None for any number.
    webhook_secret: what the registry signs its events with; "" refuses them all.
    batch_max_bytes: the largest file that is priced, unpacked.
    """

    holder: Holder
    training: Trainer
    keys: Keys
    model_dir: Path
    outbox: Outbox = field(kw_only=True)
    log: LineageReader = field(kw_only=True)
    metrics: Metrics = field(default_factory=Metrics)
    limiter: Limiter | None = None
    webhook_secret: str = ""
    batch_max_bytes: int = 100 * 2**20
