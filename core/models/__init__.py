"""Saved networks: their files, the library that keeps them, and the formats that they come and go in."""
