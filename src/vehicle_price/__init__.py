"""Used-vehicle prices: everything that training and serving share."""
