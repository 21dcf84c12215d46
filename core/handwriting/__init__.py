"""From ink to the 28 x 28 picture that the network knows, and the team's own drawings."""
