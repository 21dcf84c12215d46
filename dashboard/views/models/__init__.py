"""The Models page: the library, one model, several together."""
