"""Predictions page: the predictions of a network for the test digits, and their reasons."""
