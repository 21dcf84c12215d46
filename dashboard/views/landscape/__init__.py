"""The Landscape page: the network's own loss on a plane through its parameters."""
