"""Plots of a trained model, for MLflow."""

import numpy as np
import pandas as pd
import xgboost as xgb
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vehicle_price.evaluation.metrics import PRICE_BANDS, price_band
from vehicle_price.features.definitions import FEATURE_NAMES

SHOWN_FEATURES = 20


def predicted_against_actual(actual: np.ndarray, predicted: np.ndarray) -> Figure:
    """Cars by actual and predicted price (US dollars, log scales); the red line is equality."""
    figure, axes = _figure("Predicted against actual price, unseen cars")
    limits = (np.log10(PRICE_BANDS[0]), np.log10(PRICE_BANDS[-1]))
    cells = axes.hexbin(
        actual, predicted, xscale="log", yscale="log", bins="log", gridsize=60, mincnt=1,
        extent=(*limits, *limits), cmap="viridis",
    )  # fmt: skip
    axes.plot(PRICE_BANDS[:: len(PRICE_BANDS) - 1], PRICE_BANDS[:: len(PRICE_BANDS) - 1], "r--")
    axes.set(xlabel="actual price, USD", ylabel="predicted price, USD")
    figure.colorbar(cells, label="cars")
    return figure


def error_by_price_band(actual: pd.Series, predicted: pd.Series) -> Figure:
    """Spread of the error as a share of the price, by price band; whiskers are 5 and 95 %."""
    figure, axes = _figure("Error by price band, unseen cars")
    share = (predicted - actual) / actual * 100
    bands = price_band(actual)
    names = [b for b in price_band(pd.Series(PRICE_BANDS[1:])) if (bands == b).any()]
    axes.boxplot(
        [share[bands == b] for b in names], tick_labels=names, whis=(5, 95), showfliers=False
    )
    axes.axhline(0, color="red", linestyle="--")
    axes.set(xlabel="actual price, USD", ylabel="error, % of the price")
    axes.tick_params(axis="x", rotation=20)
    return figure


def importance(booster: xgb.Booster) -> Figure:
    """The inputs with the largest total gain, as shares of the gain of all inputs."""
    figure, axes = _figure("What the price depends on")
    gain = booster.get_score(importance_type="total_gain")
    shares = pd.Series({name: gain.get(name, 0.0) for name in FEATURE_NAMES})
    shares = (shares / shares.sum() * 100).sort_values().tail(SHOWN_FEATURES)
    axes.barh(shares.index, shares.to_numpy())
    axes.set(xlabel="share of the total gain, %")
    return figure


def _figure(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    return figure, axes
