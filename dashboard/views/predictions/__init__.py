"""The Predictions page: answers to the test digits, and why."""
