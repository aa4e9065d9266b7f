"""The MLflow pyfunc flavour, for other tools.

MLflow runs this file when another tool loads the model. This project never does: it reads the data
files beside it through `artifact.load`.
"""

from pathlib import Path

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from vehicle_price.model.artifact import load
from vehicle_price.model.valuation import Valuation


class PyfuncValuation(PythonModel):  # pylint: disable=abstract-method # prices do not stream
    """Takes a frame of raw listings and returns the columns price, low and high."""

    valuation: Valuation

    def load_context(self, context) -> None:
        """Read the valuation from the logged data files."""
        self.valuation = load(Path(context.artifacts["valuation"]))

    # MLflow takes type hints here for a signature of its own, hence none.
    def predict(self, context, model_input, params=None):
        """Price a frame with raw column names."""
        return self.valuation.price_frame(pd.DataFrame(model_input)).astype(float)


set_model(PyfuncValuation())
