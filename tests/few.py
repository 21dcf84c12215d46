"""MNIST with few digits to validate on."""

from core.data import Mnist


class Few(Mnist):
    """MNIST of which only 500 digits validate, however many are held back: an epoch is short."""

    def split(self, *arguments):
        train_digits, validation = super().split(*arguments)
        return train_digits, validation[:500]
