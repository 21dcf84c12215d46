"""All sweeps of a lab home, driven by one thread.

The thread sleeps until a run of a sweep ends an epoch or changes its state, or a person asks for something. The lab's
own service does all the training, and a sweep waits in its queue like the person who began it.
"""

import contextlib
import json
import logging
import queue
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.files import read_ordinary, shortened
from core.hyperparameters import Hyperparameter
from core.jobs import Job
from core.runs import states
from core.runs.archive import checked_labels
from core.runs.service import DOUBLE_CLICK_SECONDS, Service
from core.sweep import confirmation, view
from core.sweep.importance import FEWEST, Importance, importance_job
from core.sweep.settings import MINUTES, TRIALS, Estimate, Settings, estimate
from core.sweep.study import Study
from core.sweep.view import Changes, Summary, View

log = logging.getLogger(__name__)

BEST = Hyperparameter("best", confirmation.BEST, "Settings that are confirmed.", low=1, high=10)
SEEDS = Hyperparameter("seeds", confirmation.SEEDS, "Fresh seeds of each of them.", low=2, high=20)
_LARGEST = 10_000_000
#: A message to the thread: the end of it.
_CLOSE = ("", {"event": ""})


class Studies:
    """The sweeps of a lab home. Every method may be called from any thread.

    Args:
        folder: of their files; made with the first.
        service: that trains their runs; it must be closed after this.
    """

    def __init__(self, folder: Path, service: Service) -> None:
        self._folder, self._service = folder, service
        self._lock = threading.RLock()
        self._studies: dict[str, Study] = {}
        self._inbox: queue.SimpleQueue[tuple[str, Mapping[str, Any]]] = queue.SimpleQueue()
        #: By owner and settings, the time and the id of the sweeps that were started last.
        self._clicks: dict[tuple[str, str], tuple[float, str]] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._drive, daemon=True, name="sweeps")
        self._read_all()
        service.listen(self._hear_of)
        self._thread.start()
        for study in self._studies.values():
            if study.state == view.RUNNING:
                self._inbox.put((study.id, {"event": ""}))

    def close(self) -> None:
        """End the thread. Running sweeps go on when the lab starts again."""
        self._closed = True
        self._inbox.put(_CLOSE)
        self._thread.join()
        with self._lock:
            for study in self._studies.values():
                if study.state == view.RUNNING:
                    with contextlib.suppress(OSError):
                        study.save()

    # Sweeps

    def start(
        self, settings: Settings, name: str = "", owner: str = "", owner_name: str = "", *, notes: str = ""
    ) -> str:
        """Start a sweep; returns its id. The same settings of the same owner again at once are a double click.

        Args:
            name, notes: for people.
            owner, owner_name: the visitor's opaque id and display name.

        Raises:
            ValueError: if the name is too long, too many of the owner's runs wait, or it cannot be recorded.
        """
        labels = checked_labels(name=name, notes=notes)
        now, asked = time.monotonic(), (owner, json.dumps(settings.to_dict()))
        study_id = secrets.token_hex(8)
        values = {"id": study_id, **labels, "owner": owner, "owner_name": owner_name, "created": time.time()}
        values |= {"state": view.RUNNING, "message": "", "seconds": 0.0, "settings": settings.to_dict()}
        # One section from the look at the latest clicks to a note of this one: two clicks may come at the same moment.
        with self._lock, _saving():
            self._clicks = {key: at for key, at in self._clicks.items() if now - at[0] < DOUBLE_CLICK_SECONDS}
            if asked in self._clicks:
                return self._clicks[asked][1]
            self._service.admit(owner)
            study = Study(self._folder / study_id, self._service, {**values, "asked": settings.to_dict()})
            study.save()
            self._studies[study_id], self._clicks[asked] = study, (now, study_id)
        self._inbox.put((study_id, {"event": ""}))
        return study_id

    def asked(self, settings: Settings, owner: str = "") -> str | None:
        """Return the id of the owner's latest sweep that began with these very settings; None without one."""
        with self._lock:
            given = settings.to_dict()
            same = [s for s in self._studies.values() if s.owner == owner and s.asked == json.loads(json.dumps(given))]
            return max(same, key=lambda study: study.created).id if same else None

    def estimate(self, settings: Settings) -> Estimate:
        """Return the expected size of a sweep, before it is started."""
        return estimate(settings, self._service.workers, self._service.runs(200))

    def pause(self, study_id: str) -> None:
        """Pause a sweep and its runs; nothing unless it is running. Raises as ``edit``."""
        self._change(study_id, Study.pause)

    def resume(self, study_id: str) -> None:
        """Let a sweep that is paused, stopped or failed go on, and try again what failed; raises as ``edit``."""
        # It is opened by this, if it can be: it knows its trials then.
        self.view(study_id)
        self._change(study_id, Study.resume)

    def stop(self, study_id: str) -> None:
        """Stop a sweep and its runs where they stand; raises as ``edit``."""
        self._change(study_id, Study.stop)

    def give(self, study_id: str, trials: int | None = None, minutes: float | None = None) -> None:
        """Give a sweep so many more trials or minutes, and let it go on; raises as ``edit``, and for a bad number.

        A limit that is used up, and given nothing, is lifted.
        """
        more = None if trials is None else int(str(TRIALS.check(trials)))
        longer = None if minutes is None else float(str(MINUTES.check(minutes)))
        self._change(study_id, lambda study: study.give(more, longer))

    def confirm(self, study_id: str, best: int = confirmation.BEST, seeds: int = confirmation.SEEDS) -> None:
        """Train the best settings, and those that the sweep began from, again with fresh seeds.

        Raises:
            ValueError: also where the seed is varied, before a trial has finished, or where so many seeds are not left.
        """
        few, fresh = int(str(BEST.check(best))), int(str(SEEDS.check(seeds)))
        self._change(study_id, lambda study: study.confirm(few, fresh))

    def edit(self, study_id: str, *, name: str | None = None, notes: str | None = None) -> None:
        """Change a sweep's labels; None leaves one as it is.

        Raises:
            ValueError: if there is no such sweep, a text is too long, or it cannot be recorded.
        """
        labels = checked_labels(name=name, notes=notes)
        self._change(study_id, lambda study: study.save(**labels))

    def rename_owner(self, owner: str, before: str, name: str) -> None:
        """Put ``name`` on the owner's sweeps that have the owner's name ``before``; raises as ``edit``."""
        with self._lock, _saving():
            for study in self._studies.values():
                if (study.owner, study.summary()["owner_name"]) == (owner, before):
                    study.save(owner_name=name)

    def delete(self, study_id: str) -> None:
        """Remove a sweep for good. Its runs stay, as ordinary ones.

        Raises:
            ValueError: if there is no such sweep, or it runs.
        """
        with self._lock:
            study = self._existing(study_id)
            if study.state == view.RUNNING:
                raise ValueError("A sweep must not be running to be removed. Stop it first.")
            study.stop()
            del self._studies[study_id]
            shutil.rmtree(self._folder / study_id, ignore_errors=True)

    # What they show

    def summaries(self) -> list[Summary]:
        """Return all sweeps without their trials, newest first."""
        with self._lock:
            found = [Summary(**study.summary()) for study in self._studies.values()]
        return sorted(found, key=lambda summary: -summary.created)

    def view(self, study_id: str) -> View | None:
        """Return a sweep as it is now; None if there is no such sweep. Equal revisions share their trials."""
        with self._lock:
            study = self._studies.get(study_id)
            return self._view(study) if study else None

    def revision(self, study_id: str) -> int:
        """Return a number that grows with every change of the sweep; 0 if there is no such sweep."""
        with self._lock:
            study = self._studies.get(study_id)
            return study.revision if study else 0

    def changes(self, study_id: str, after: int) -> Changes | None:
        """Return what changed of a sweep since a revision, 0 for all; None if there is no such sweep."""
        with self._lock:
            found = self.view(study_id)
            if found is None:
                return None
            trials = tuple(trial for trial in found.trials if trial.revision > after)
            return Changes(found.revision, found.state, found.message, found.seconds, trials)

    def importance(self, study_id: str) -> Job[tuple[Importance, ...]] | None:
        """Return the job of the importance of the settings; None before enough trials have finished."""
        with self._lock:
            found = self.view(study_id)
            if found is None or sum(trial.state in ("finished", "diverged") for trial in found.trials) < FEWEST:
                return None
            study = self._studies[study_id]
            names, running = study.settings.space.names, found.state == view.RUNNING
            return importance_job(self._service.jobs, study_id, study.open(), names, running)

    def _view(self, study: Study) -> View:
        try:
            return study.view()
        except Exception as error:
            # A damaged journal: people shall see the rest of the sweep, and why it cannot go on.
            self._fail(study, error)
            return View(**study.summary())

    # The thread

    def _hear_of(self, run_id: str, event: Mapping[str, Any]) -> None:
        if event["event"] in ("EpochDone", "State", "Removed") or states.sets_rate(event):
            self._inbox.put((run_id, event))

    def _drive(self) -> None:
        while (message := self._inbox.get()) is not _CLOSE:
            if self._closed:
                return
            name, event = message
            with self._lock:
                # A message with a sweep's id asks it to go on; one with a run's is for the sweep that has the run.
                own = [self._studies[name]] if name in self._studies else list(self._studies.values())
                for study in own:
                    try:
                        if event["event"]:
                            study.on_event(name, event)
                        else:
                            study.go_on()
                    except Exception as error:
                        self._fail(study, error)

    def _fail(self, study: Study, error: Exception) -> None:
        """Mark a sweep as failed; the thread goes on with the others."""
        if isinstance(error, OSError):
            sentence = f"The sweep could not be recorded on the lab's disk: {error.strerror}."
        else:
            sentence = str(error) if isinstance(error, ValueError) else f"An unexpected error: {type(error).__name__}."
        study.close()
        if (study.state, study.summary()["message"]) == (view.FAILED, sentence):
            # Every look at a damaged one comes here: nothing has changed.
            return
        log.error("sweep %s cannot go on", study.id, exc_info=error)
        try:
            study.turn(view.FAILED, sentence)
        except OSError:
            log.exception("sweep %s could not be marked as failed", study.id)

    def _change(self, study_id: str, change: Any) -> None:
        with self._lock, _saving():
            change(self._existing(study_id))
        self._inbox.put((study_id, {"event": ""}))

    def _existing(self, study_id: str) -> Study:
        if study_id not in self._studies:
            raise ValueError(f"sweep must be one that the lab has, got sweep = {shortened(study_id)}.")
        return self._studies[study_id]

    def _read_all(self) -> None:
        """Read all sweeps of the home; leave out one that cannot be read."""
        for path in sorted(self._folder.glob("*/study.json")):
            try:
                study = Study(path.parent, self._service, json.loads(read_ordinary(path, _LARGEST)))
            except (ValueError, KeyError, TypeError) as error:
                log.warning("the sweep in %s cannot be read: %s", path.parent, error)
                continue
            self._studies[study.id] = study
        self._settle()

    def _settle(self) -> None:
        """Do what sweeps last asked of their runs, since the server may have been killed before it.

        A sweep that runs lets its trials' runs go on when it does.
        """
        asked = {view.STOPPED: "stop", view.PAUSED: "pause"}
        for run in self._service.in_states((states.QUEUED, states.INTERRUPTED)):
            study = self._studies.get(run.sweep)
            if study is None or run.deleted is not None:
                continue
            if study.confirms(run.config):
                self._service.command(run.id, "resume")
            elif study.state in asked:
                self._service.command(run.id, asked[study.state])


@contextmanager
def _saving() -> Iterator[None]:
    """Turn a refusal of the disk into one sentence."""
    try:
        yield
    except OSError as error:
        raise ValueError(f"The change could not be saved on the lab's disk: {error.strerror or error}.") from None
