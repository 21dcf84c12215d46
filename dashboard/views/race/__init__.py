"""The Race page: one setting varied, everything else equal."""
