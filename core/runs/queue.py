"""The queue of waiting runs, in which people take turns."""


class FairQueue:
    """Waiting runs. Owners take turns, the one whose last turn is longest ago first; each owner's own runs keep the
    order that they were put in, or moved to."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._turns: dict[str, int] = {}

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._owners

    def put(self, run_id: str, owner: str) -> None:
        """Add the run behind its owner's others."""
        self._owners[run_id] = owner

    def remove(self, run_id: str) -> None:
        """Take the run out without a turn; nothing if it does not wait."""
        self._owners.pop(run_id, None)

    def take(self, run_id: str) -> None:
        """Take the run out: its owner has had a turn."""
        self._turns[self._owners.pop(run_id)] = max(self._turns.values(), default=0) + 1

    def move(self, run_id: str, by: int) -> list[str]:
        """Move the run among its owner's, -1 is one place earlier; returns these in their new order."""
        mine = self._owners[run_id]
        own = [other for other, owner in self._owners.items() if owner == mine]
        place = own.index(run_id)
        own.insert(max(0, place + by), own.pop(place))
        moved = iter(own)
        self._owners = {next(moved) if owner == mine else other: owner for other, owner in self._owners.items()}
        return own

    def order(self) -> list[str]:
        """Return the runs in the order in which they will have their turns."""
        turns, order = dict(self._turns), []
        waiting: dict[str, list[str]] = {}
        for run_id, owner in self._owners.items():
            waiting.setdefault(owner, []).append(run_id)
        while waiting:
            owner = min(waiting, key=lambda o: turns.get(o, 0))
            order.append(waiting[owner].pop(0))
            turns[owner] = max(turns.values(), default=0) + 1
            if not waiting[owner]:
                del waiting[owner]
        return order
