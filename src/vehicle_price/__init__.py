"""Used-vehicle prices: everything that training, serving and monitoring share."""
