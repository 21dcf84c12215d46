"""One sweep: what it has tried, what it tries next, and its record.

In its folder ``study.json`` holds its settings, labels and state, and ``trials.log`` the trials (Optuna's journal). Its
runs are ordinary ones, which carry its id. After a crash the trials that were under way are matched with the runs that
have their config, so none is lost or doubled.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.files import write_atomically
from core.runs import states
from core.runs.service import Service
from core.sweep import confirmation, grid, view
from core.sweep.confirmation import Contestant
from core.sweep.own_runs import OwnRuns, failure
from core.sweep.progress import Progress, SeedRun
from core.sweep.settings import Settings
from core.sweep.view import Trial, View
from core.training.config import RunConfig

if TYPE_CHECKING:
    from core.sweep.search import Found, Search

#: Trials in a row that fail, after which the sweep does.
FAILURES = 5


class Study:
    """A sweep. Not safe for several threads at once: ``Studies`` has the lock.

    Args:
        folder: of its files.
        service: that trains its runs.
        values: of ``study.json``.

    Raises:
        ValueError: if the settings are not valid.
    """

    def __init__(self, folder: Path, service: Service, values: dict[str, Any]) -> None:
        self._folder, self._service, self._values = folder, service, values
        self.id: str = values["id"]
        self.owner: str = values["owner"]
        self.created: float = values["created"]
        #: The settings that it began with, as plain JSON types: a budget may have grown since.
        self.asked: Any = values["asked"]
        self.settings = Settings.from_dict(values["settings"])
        self.state: str = values["state"]
        self._size = self.settings.space.size
        self.revision = 1
        self._since = time.monotonic()
        self._search: Search | None = None
        self._rows: dict[int, Trial] = {}
        self._live: dict[int, Progress] = {}
        self._contestants: list[Contestant] = []
        self._runs = OwnRuns(service, self.id, values["owner"], values["owner_name"])
        self._trials_of: dict[str, list[int]] = {}
        self._shown: View | None = None
        #: Runs that are to train again, since not a person but a pause of the sweep, or the last process, left them.
        self._resting: set[str] = set()

    # Its record

    @property
    def seconds(self) -> float:
        """Seconds that it has run."""
        running = time.monotonic() - self._since if self.state == view.RUNNING else 0.0
        return float(self._values["seconds"]) + running

    def save(self, state: str = "", settings: Settings | None = None, **values: Any) -> None:
        """Change values of ``study.json`` and write it; raise OSError if that fails, with nothing changed."""
        now, settings = time.monotonic(), settings or self.settings
        own = {"seconds": self.seconds, "state": state or self.state, "settings": settings.to_dict()}
        changed = {**self._values, **own, **values}
        # A sweep that cannot go on has failed, whether or not that can be recorded.
        counts = state == view.FAILED
        try:
            write_atomically(self._folder / "study.json", json.dumps(changed, indent=1).encode())
            counts = True
        finally:
            if counts:
                self._values, self.settings, self.state, self._since = changed, settings, changed["state"], now
                self._runs.owner_name = changed["owner_name"]
                self.revision += 1

    def turn(self, state: str, message: str = "", settings: Settings | None = None) -> None:
        """Go over into a state of the sweep; raises as ``save``."""
        self.save(state, settings, message=message.strip())

    # Its life

    def open(self) -> "Search":
        """Read the journal, once, and match the trials under way with their runs."""
        if self._search is None:
            # Imported where a sweep is: pages and workers do not pay for Optuna.
            from core.sweep.search import Search

            search = Search(self._folder / "trials.log", self.settings, self._values.get("retried", ()))
            self._runs.read()
            self._rows, self._live, self._trials_of, self._search = {}, {}, {}, search
            try:
                for found in search.found():
                    # Later than what was saved, if the last process was killed.
                    self._values["seconds"] = max(self._values["seconds"], found.seconds)
                    if found.result is not None:
                        config = self.settings.space.config(found.chosen)
                        self._rows[found.number] = Trial(
                            found.number, found.state, found.chosen, config, **found.result, revision=self.revision
                        )
                    else:
                        self._adopt(found)
                self._contestants = confirmation.found(self._values.get("confirmation"), self._runs)
                if self.state == view.STOPPED:
                    # The last process may have been killed before it had stopped them.
                    self._stop_runs()
            except BaseException:
                # Half of the trials would pass for all of them.
                self.close()
                raise
        return self._search

    def close(self) -> None:
        """Forget what the journal says: the next look reads it anew."""
        self._search, self._shown, self._trials_of = None, None, {}

    def go_on(self) -> None:
        """Begin what there is room for; end if nothing is left. Nothing unless the sweep is running."""
        if self.state != view.RUNNING:
            return
        search = self.open()
        self._let_train()
        while self.state == view.RUNNING and self._wants_more():
            if len(self._going()) >= self._width:
                return
            asked = search.ask()
            if asked is None:
                break
            self._begin(*asked)
        if self.state == view.RUNNING and not self._live:
            failed = [row for row in self._rows.values() if row.state == "failed"]
            if failed and len(failed) == self._counted():
                self.turn(view.FAILED, f"No trial has finished. {failure(self._service, failed[-1].runs)}")
                return
            self.turn(view.FINISHED)

    def on_event(self, run_id: str, event: Mapping[str, Any]) -> None:
        """Take an event of a run of the sweep; others are ignored."""
        if event["event"] in ("State", "Removed") and any(
            run_id in contestant.runs for contestant in self._contestants
        ):
            self.revision += 1
        changed = False
        for number in tuple(self._trials_of.get(run_id, ())):
            progress = self._live.get(number)
            if progress and progress.add(run_id, event):
                self._advance(progress)
                changed = True
        if changed:
            self.go_on()

    def pause(self) -> None:
        """Pause, with the runs that train; nothing unless it is running."""
        if self.state == view.RUNNING:
            self.turn(view.PAUSED)
            self.open()
            going = self._going()
            self._resting |= set(going)
            self._runs.command("pause", going)

    def resume(self) -> None:
        """Go on, and try again what failed; nothing if it is running or finished."""
        if self.state in (view.PAUSED, view.STOPPED, view.FAILED):
            failed = [row for row in self._rows.values() if row.state == "failed"]
            numbers = [row.number for row in failed]
            self.save(view.RUNNING, message="", retried=[*self._values.get("retried", ()), *numbers])
            self._rows |= {row.number: replace(row, state="stopped", revision=self.revision) for row in failed}
            if self._search:
                self._search.retried.update(numbers)

    def stop(self) -> None:
        """End now: the trials under way are stopped and do not count."""
        if self.state in (view.RUNNING, view.PAUSED):
            self.turn(view.STOPPED)
            self.open()
            self._stop_runs()

    def give(self, trials: int | None, minutes: float | None) -> None:
        """Add to one budget or both, and go on; raise ValueError for a budget out of range."""
        self.open()
        # The other budget would end the sweep at once if it is used up.
        more: dict[str, Any] = dict.fromkeys(self.settings.spent(self._counted(), self.seconds))
        if trials is not None:
            more["trials"] = max(self.settings.trials or 0, self._counted()) + trials
        if minutes is not None:
            more["minutes"] = max(self.settings.minutes or 0.0, self.seconds / 60) + minutes
        self.turn(view.RUNNING, settings=replace(self.settings, **more))

    def confirm(self, best: int, seeds: int) -> None:
        """Train the best trials and the base again, with seeds that the sweep has not had.

        Raises:
            ValueError: as ``confirmation.plan``.
        """
        self.open()
        rows = [self._rows[number] for number in sorted(self._rows)]
        given = confirmation.plan(self.settings, rows, best, seeds)
        # First, so that a disk that is full refuses it before a run begins.
        self.save(confirmation=given)
        # Anew: a run that was stopped, or that failed, is begun again.
        self._runs.read()
        ids = self._runs.of(confirmation.configs(given))
        self._runs.command("resume", ids)
        given = confirmation.begun(given, ids)
        self.save(confirmation=given)
        self._contestants = confirmation.contestants(given)

    # What it shows

    def view(self) -> View:
        """Return the sweep as it is now."""
        self.open()
        if self._shown is None or self._shown.revision != self.revision:
            trials = view.without_repeated([self._rows[number] for number in sorted(self._rows)])
            shown = confirmation.shown(self._contestants, self._runs, view.ranked(trials))
            self._shown = View(**self.summary(), trials=trials, confirmation=shown)
        return replace(self._shown, seconds=self.seconds)

    def summary(self) -> dict[str, Any]:
        """Return the fields of ``Summary``."""
        kept = ("id", "name", "notes", "owner", "owner_name", "created", "message")
        own = {name: self._values[name] for name in kept}
        now = {"state": self.state, "seconds": self.seconds, "settings": self.settings, "revision": self.revision}
        return {**own, **now}

    # Its trials

    @property
    def _width(self) -> int:
        """Number of runs under way at once: one for each worker, and some that wait, so that none is ever idle."""
        return self._service.workers + max(1, self._service.workers // 2)

    def _going(self) -> list[str]:
        """Return the runs that train or wait."""
        return [run.id for progress in self._live.values() for run in progress.runs if run.state in states.GOING]

    def _stop_runs(self) -> None:
        """Stop the runs that train, wait or are paused."""
        self._runs.command("stop", [run.id for progress in self._live.values() for run in progress.runs])

    def _counted(self) -> int:
        return sum(row.state != "stopped" for row in self._rows.values())

    def _wants_more(self) -> bool:
        if self._size is not None:
            different = {grid.key(row.chosen) for row in self._rows.values() if row.state != "stopped"}
            if len(different) >= self._size:
                return False
        return not self.settings.spent(self._counted(), self.seconds)

    def _begin(self, number: int, chosen: dict[str, Any]) -> None:
        """Start the runs of a new trial."""
        assert self._search
        config = self.settings.space.config(chosen)
        ids = self._runs.of(self.settings.configs(config))
        self._search.note(number, runs=ids)
        self._follow(Progress(number, chosen, config, [SeedRun(run_id) for run_id in ids]))

    def _adopt(self, found: "Found") -> None:
        """Go on with a trial that an earlier process began, and with its runs, whether or not it noted them."""
        config = self.settings.space.config(found.chosen)
        configs = self.settings.configs(config)
        if not found.runs and self.state != view.RUNNING and not self._runs.has(configs):
            # Its runs were never started, and shall not be now.
            assert self._search
            self._search.end(found.number, "stopped", 0.0, {})
            self._rows[found.number] = Trial(found.number, "stopped", found.chosen, config, revision=self.revision)
            return
        ids = found.runs or self._runs.of(configs)
        runs = [SeedRun(run_id) for run_id in ids]
        self._follow(Progress(found.number, found.chosen, config, runs, found.pruned, found.reported))

    def _follow(self, progress: Progress) -> None:
        """Take what the trial's runs have done so far, and follow their events from now on."""
        self._live[progress.number] = progress
        for run in progress.runs:
            self._trials_of.setdefault(run.id, []).append(progress.number)
            row = self._runs.run(run.id)
            if row is None or self._runs.steered(run.id):
                run.take()
            elif row.epoch or row.state != states.QUEUED:
                # An interrupted run is let train again.
                state = states.PAUSED if row.state == states.INTERRUPTED else row.state
                if state == states.PAUSED:
                    self._resting.add(run.id)
                run.catch_up(state, self._service.history(run.id).epochs)
        self._advance(progress)

    def _let_train(self) -> None:
        """Let resting runs train, or end those that were pruned; one on its way into a pause comes later."""
        for progress in self._live.values():
            for run in progress.runs:
                if run.id in self._resting and run.state == states.PAUSED:
                    self._resting.discard(run.id)
                    run.state = states.QUEUED
                    self._runs.command("stop" if progress.pruned else "resume", [run.id])

    def _advance(self, progress: Progress) -> None:
        """Take what the trial's runs have done; end it if they have."""
        search = self._search
        assert search

        def on_epoch(epochs: int, accuracy: float) -> None:
            if not self.settings.prune or progress.pruned or not progress.reported < epochs < progress.config.epochs:
                return
            if search.report(progress.number, accuracy, epochs) and not progress.over:
                search.note(progress.number, pruned=True)
                progress.pruned = True
                self._runs.command("stop", [run.id for run in progress.runs if not run.over])

        # The same choice as one that was pruned shares its runs, and its end.
        progress.pruned |= any(row.state == "pruned" and row.runs == progress.ids for row in self._rows.values())
        progress.advance(on_epoch)
        self.revision += 1
        row = self._rows[progress.number] = progress.trial(self.revision)
        if progress.over:
            del self._live[progress.number]
            for run in progress.runs:
                self._trials_of[run.id].remove(progress.number)
            result = {name: getattr(row, name) for name in ("runs", "losses", "accuracies", "finals")}
            search.end(progress.number, row.state, progress.score, result, self.seconds)
            if row.state in ("stopped", "failed"):
                self._runs.forget(row.runs)
            ended = [kept.state for _, kept in sorted(self._rows.items()) if kept.state in view.OVER]
            if self.state == view.RUNNING and ended[-FAILURES:] == ["failed"] * FAILURES:
                self.turn(view.FAILED, f"{FAILURES} trials in a row failed. {failure(self._service, row.runs)}")

    # Its confirmation

    def confirms(self, config: RunConfig) -> bool:
        """Return True if a run of this config is part of the confirmation."""
        given = self._values.get("confirmation")
        return given is not None and config in confirmation.configs(given)
