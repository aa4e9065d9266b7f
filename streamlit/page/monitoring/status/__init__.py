"""The status in sentences: inputs, prices, actions, and how old the figures are."""
