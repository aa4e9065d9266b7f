"""Which versions were not taken, why, and when each may be tried again."""

RETRY_SECONDS = 30.0  # a refusal may have been the storage's fault, so it is tried again
MOST_RETRY_SECONDS = 600.0


class Refusals:
    """What was not taken, why, and when it may be tried again."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, float, str]] = {}

    def add(self, folder: str, clock: float, reason: str) -> None:
        """Remember a refusal; each further one of the same version waits twice as long."""
        times = self._known.get(folder, (0, 0.0, ""))[0] + 1
        pause = min(RETRY_SECONDS * 2 ** (times - 1), MOST_RETRY_SECONDS)
        self._known[folder] = (times, clock + pause, reason)

    def waits(self, folder: str, clock: float) -> bool:
        """Whether it is too early to try this one again."""
        return folder in self._known and clock < self._known[folder][1]

    def reason(self, folder: str) -> str:
        """Why it was refused last."""
        return self._known[folder][2]

    def forget(self, folder: str) -> None:
        """It was taken after all."""
        self._known.pop(folder, None)
