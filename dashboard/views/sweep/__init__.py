"""The Sweep page: many runs with settings varied; a race of one setting is its simplest case."""
