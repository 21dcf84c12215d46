"""The Train page: settings, live curves, one run."""
