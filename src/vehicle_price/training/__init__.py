"""Split, fit and calibrate; the model families."""
