"""The Surfaces page: optimizers descend two-parameter functions."""
