"""The queue of waiting runs, in which people take turns, and how many one person may have there."""

import os


class FairQueue:
    """Waiting runs. Owners take turns, the one whose last turn is longest ago first; each owner's own runs keep the
    order that they were put in, or moved to."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._groups: dict[str, str] = {}
        self._turns: dict[str, int] = {}
        self._order: list[str] | None = None

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._owners

    def put(self, run_id: str, owner: str, group: str = "") -> None:
        """Add the run behind its owner's others.

        Args:
            group: of runs that were started together; "" for a run alone.
        """
        self._owners[run_id], self._groups[run_id] = owner, group
        self._order = None

    def remove(self, run_id: str) -> None:
        """Take the run out without a turn; nothing if it does not wait."""
        self._owners.pop(run_id, None)
        self._groups.pop(run_id, None)
        self._order = None

    def take(self, run_id: str) -> None:
        """Take the run out: its owner has had a turn."""
        owner = self._owners[run_id]
        self.remove(run_id)
        self._turns[owner] = max(self._turns.values(), default=0) + 1

    def move(self, run_id: str, by: int) -> list[str]:
        """Move the run among its owner's, -1 is one place earlier; returns these in their new order."""
        mine = self._owners[run_id]
        own = self.of(mine)
        place = own.index(run_id)
        own.insert(max(0, place + by), own.pop(place))
        moved = iter(own)
        self._owners = {next(moved) if owner == mine else other: owner for other, owner in self._owners.items()}
        self._order = None
        return own

    def of(self, owner: str) -> list[str]:
        """Return the owner's runs, in their order."""
        return [run_id for run_id, other in self._owners.items() if other == owner]

    def places(self, owner: str) -> int:
        """Return the number of the owner's waiting runs, those of a group counted as one."""
        return len({self._groups[run_id] or run_id for run_id in self.of(owner)})

    def order(self) -> list[str]:
        """Return the runs in the order in which they will have their turns."""
        if self._order is None:
            self._order = self._in_turns()
        return self._order

    def _in_turns(self) -> list[str]:
        turns, order = dict(self._turns), []
        waiting: dict[str, list[str]] = {}
        # Backwards, so that the next one is popped from the end.
        for run_id, owner in reversed(self._owners.items()):
            waiting.setdefault(owner, []).append(run_id)
        # Owners in the order of their first runs decide between equal turns.
        waiting = {owner: waiting[owner] for owner in dict.fromkeys(self._owners.values())}
        latest = max(turns.values(), default=0)
        while waiting:
            owner = min(waiting, key=lambda o: turns.get(o, 0))
            order.append(waiting[owner].pop())
            latest += 1
            turns[owner] = latest
            if not waiting[owner]:
                del waiting[owner]
        return order


def waiting_limit() -> int:
    """Return the number of runs that one visitor may have waiting, a group counted as one: ``DESCENT_LIMIT``, else 100.

    Raises:
        ValueError: if ``DESCENT_LIMIT`` is not a whole number from 1 to 100,000.
    """
    setting = os.environ.get("DESCENT_LIMIT") or "100"
    if not (setting.isascii() and setting.isdigit() and 1 <= int(setting) <= 100_000):
        raise ValueError(f"DESCENT_LIMIT must be a whole number in [1, 100000], got DESCENT_LIMIT = {setting[:40]}.")
    return int(setting)
