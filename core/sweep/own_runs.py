"""The runs of a sweep: ordinary ones that carry its id, and what the lab has finished with the same settings."""

import json
from collections.abc import Iterable, Sequence

from core.runs import states
from core.runs.service import Service
from core.runs.store import Run
from core.training.config import RunConfig

#: States of a run that is answer enough for the same config.
_ANSWERS = frozenset(states.STATES) - {states.STOPPED, states.FAILED}


class OwnRuns:
    """The runs of one sweep, each config once.

    Args:
        service: that trains them.
        sweep: the sweep's id.
        owner, owner_name: of the sweep, and so of its runs; the name may be set anew, for those that are to come.
    """

    def __init__(self, service: Service, sweep: str, owner: str, owner_name: str) -> None:
        self._service, self._sweep, self._owner, self.owner_name = service, sweep, owner, owner_name
        self._known: dict[str, str] = {}

    def read(self) -> None:
        """Read those that the lab has, which a killed process may have begun last."""
        runs = self._service.started_by(self._sweep)
        self._known = {_key(run.config): run.id for run in runs if run.state in _ANSWERS and not _removed(run)}

    def has(self, configs: Iterable[RunConfig]) -> bool:
        """Return True if there is a run of each config."""
        return all(self._of(_key(config)) for config in configs)

    def of(self, configs: Sequence[RunConfig]) -> list[str]:
        """Return the id of a run for each config: the sweep's own, else one that the lab has finished, else a new one.

        Raises:
            ValueError: if it cannot be recorded.
        """
        missing = {}
        for config in configs:
            key = _key(config)
            if self._of(key):
                continue
            # A run is a pure function of its config: what was trained is not trained again.
            if twin := self._service.twin(config):
                self._known[key] = twin.id
            else:
                missing[key] = config
        if missing:
            ids = self._service.submit_group([*missing.values()], self._owner, self.owner_name, sweep=self._sweep)
            self._known |= dict(zip(missing, ids, strict=True))
        return [self._known[_key(config)] for config in configs]

    def _of(self, key: str) -> str | None:
        """Return the id of the run of a config, unless a person gave it another rate."""
        run_id = self._known.get(key)
        return None if run_id is None or self.steered(run_id) else run_id

    def forget(self, run_ids: Iterable[str]) -> None:
        """Train the configs of these runs anew when they are asked for again."""
        gone = set(run_ids)
        self._known = {key: run_id for key, run_id in self._known.items() if run_id not in gone}

    def command(self, command: str, run_ids: Iterable[str]) -> None:
        """Give a command to those of the runs that are the sweep's, and that nobody has put into the bin."""
        for run_id in run_ids:
            run = self._service.run(run_id)
            if run and run.deleted is None and run.sweep == self._sweep:
                self._service.command(run_id, command)

    def run(self, run_id: str) -> Run | None:
        """Return a run; None if somebody removed it before it had come to its end, or for good."""
        run = self._service.run(run_id)
        return None if run is None or _removed(run) else run

    def steered(self, run_id: str) -> bool:
        """Return True if a person set a rate of the run, so that it is not of its settings any more."""
        run = self._service.run(run_id)
        return run is not None and run.rate_by_hand

    def of_settings(self, run_id: str) -> Run | None:
        """Return a run as ``run`` does; None also for one that has ended and was ``steered``."""
        run = self.run(run_id)
        return None if run and run.state in states.ENDED and run.rate_by_hand else run


def failure(service: Service, run_ids: Iterable[str]) -> str:
    """Return the sentence with which the first of the runs failed or diverged; "" where none did."""
    ends = (states.FAILED, states.INTERRUPTED, states.DIVERGED)
    runs = [run for run_id in run_ids if (run := service.run(run_id))]
    return next((run.message for run in runs if run.state in ends), "")


def _removed(run: Run) -> bool:
    return run.deleted is not None and run.state not in states.ENDED


def _key(config: RunConfig) -> str:
    return json.dumps(config.to_dict(), sort_keys=True)
