"""The constraints on the model inputs."""

from vehicle_price.features.definitions import FEATURE_NAMES, MONOTONE


def test_the_constrained_inputs_are_those_that_should_be():
    signs = dict(zip(FEATURE_NAMES, MONOTONE, strict=True))
    assert (signs["age"], signs["odometer"], signs["effect_condition"]) == (-1, -1, 1)
    assert {signs[n] for n in FEATURE_NAMES if n.startswith("curve_")} == {1}
    assert {signs[n] for n in FEATURE_NAMES if n.startswith(("offset_", "words_"))} == {0}
