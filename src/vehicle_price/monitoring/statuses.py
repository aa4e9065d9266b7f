"""What is said of a window, of a column and of a figure."""

from enum import StrEnum


class Status(StrEnum):
    """NOT_ENOUGH_DATA, LEARNING and FEW_CALLERS are answers too: nothing is left out silently.

    FEW_CALLERS: fewer than ten callers, requests or different listings, so that no limit of 10 %
    holds. Figures are shown and incidents are warnings; no retraining starts. SHOWN: of a column
    that never alarms.
    """

    NOT_ENOUGH_DATA = "not enough data"
    LEARNING = "learning"
    FEW_CALLERS = "few callers"
    SHOWN = "shown"
    OK = "ok"
    DRIFT = "drift"
    SEVERE_DRIFT = "severe drift"


ALARMS = (Status.DRIFT, Status.SEVERE_DRIFT)
