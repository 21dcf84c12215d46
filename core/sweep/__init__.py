"""Several runs that differ in chosen settings, everything else equal."""
