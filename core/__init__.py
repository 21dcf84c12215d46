"""Descent Lab's training core: one small network, and everything about how it learns."""
