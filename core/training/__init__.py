"""One run: its configuration, its data, its network, and the trainer that yields its events."""
