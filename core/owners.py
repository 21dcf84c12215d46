"""Visitors, and the one rule of who may change what others made: runs, saved models and drawings."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Visitor:
    """A browser, or the operator at the terminal.

    Args:
        id: opaque, 16 hexadecimal characters; "" for the operator.
        name: plain text, not escaped.
        named: they gave the name themselves.
        teacher: they have signed in with the teacher's key, or are the operator.
        open_lab: the lab has no teacher's key.
    """

    id: str
    name: str
    named: bool
    teacher: bool
    open_lab: bool = False

    def may_change(self, owner: str) -> bool:
        """Return True if they may change or delete what the visitor with the id ``owner`` made.

        What nobody owns is the teacher's, and in an open lab, which has none, everyone's.
        """
        return self.teacher or (self.id == owner if owner else self.open_lab)

    def may_operate(self, owner: str) -> bool:
        """Return True if they may operate, label and restore the visitor's runs: in an open lab, everyone may."""
        return self.open_lab or self.may_change(owner)


OPERATOR = Visitor("", "", named=False, teacher=True)
