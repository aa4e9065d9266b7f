"""MLflow: registered versions, their aliases, runs and the pyfunc flavour."""
