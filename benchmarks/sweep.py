"""Sweeps: ``python -m benchmarks.sweep [search] [asking] [busy] [map] [page] [recipe] [--quick]``; all unless named.

search  training steps until a sweep has reached the same validation accuracy: TPE with pruning against random, in a
        space of optimizer, rate, batch size, schedule and weight decay. The accuracy is the median over the repeats of
        what random reaches with its whole budget; a search that never does counts with all its steps.
asking  milliseconds of the processor for a suggestion and for the end of a trial, with 500 trials in the journal.
busy    the share of the time from the first run's start to the last one's that workers have a run.
page    runs that end per second while 20 sessions look at the page of a sweep of 600 that fills, against none, in
        turns; and seconds from a choice on that page to the picture of it, in a browser of this machine: beside two
        workers, and beside one.
recipe  test accuracy, over five seeds, of the best settings that one sweep of 200 runs finds by itself, without
        augmentation: TPE with pruning chooses on validation, the best five are confirmed with fresh seeds, the winner
        of that is trained on all 60,000 images.
map     seconds of a grid of 10 rates and 8 batch sizes, against the same 80 runs started at once.

--quick: a quarter of the images, fewer trials and repeats.
"""

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import machine, median_and_range, paired_ratio
from benchmarks.sweep_page import LOOK_SECONDS, WORKERS, page
from core.runs import states
from core.runs.service import Service
from core.sweep import view
from core.sweep.grid import Grid
from core.sweep.search import Search
from core.sweep.settings import Settings
from core.sweep.space import Space
from core.sweep.studies import Studies
from core.sweep.text import parse
from core.sweep.view import View
from core.training.config import RunConfig
from dashboard.words import config_in_full

VARIED = (
    "optimizer=sgd,momentum,adam,rmsprop",
    "lr=1e-4:1:log",
    "batch_size=32,64,128,256,512",
    "schedule=constant,cosine,one_cycle",
    "weight_decay=1e-6:0.1:log",
)
#: The space of the recipe: 40 epochs are enough for a schedule to end well, 54,000 images are trained with.
RECIPE = RunConfig(epochs=40, validation_split=0.1)
RECIPE_VARIED = (
    "optimizer=sgd,momentum,nesterov,rmsprop,adam,adamw,muon",
    "lr=1e-4:1:log",
    "batch_size=32,64,128,256,512",
    "schedule=constant,linear,cosine,one_cycle",
    "weight_decay=1e-6:1:log",
    "label_smoothing=0:0.2",
)


@contextmanager
def lab() -> Iterator[tuple[Service, Studies]]:
    """Yield the service and the sweeps of an empty lab whose workers are ready."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), workers=WORKERS, threads=1)
        studies = Studies(Path(folder) / "sweeps", service)
        try:
            # Each worker loads and compiles before its first run.
            service.submit_group([RunConfig(epochs=1, seed=seed) for seed in range(2 * WORKERS)])
            ended(service)
            yield service, studies
        finally:
            studies.close()
            service.close()


def ended(service: Service) -> None:
    """Wait until no run trains or waits."""
    while service.in_states((states.QUEUED, states.RUNNING)):
        time.sleep(LOOK_SECONDS)


def swept(studies: Studies, settings: Settings) -> View:
    """Run a sweep to its end."""
    return over_of(studies, studies.start(settings))


def over_of(studies: Studies, study_id: str) -> View:
    """Wait until a sweep has ended; its view."""
    while (found := studies.view(study_id)) is None or found.state == view.RUNNING:
        time.sleep(LOOK_SECONDS)
    assert found.state == view.FINISHED, found.message
    return found


def search(quick: bool) -> None:
    trials, repeats = (30, 5) if quick else (40, 10)
    base = RunConfig(epochs=3 if quick else 5, validation_split=0.8 if quick else 0.2)
    space = parse(base, VARIED)
    kinds = {"random": {"sampler": "random"}, "TPE with pruning": {"sampler": "tpe", "prune": True}}
    courses: dict[str, list[list[tuple[int, float]]]] = {kind: [] for kind in kinds}
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    with lab() as (service, studies):
        for seed in range(repeats):
            for number, (kind, given) in enumerate(kinds.items()):
                # Other runs' seeds, since a sweep does not train again what the lab has finished.
                own = replace(space, base=replace(base, seed=2 * seed + number))
                found = swept(studies, Settings(own, trials=trials, seed=seed, **given))  # type: ignore[arg-type]
                courses[kind].append(course(service, found))
                seconds[kind].append(found.seconds)
                print(f"  repeat {seed + 1}, {kind}: {found.seconds:.1f} s, best {found.best and found.best.accuracy}")
    target = statistics.median(steps[-1][1] for steps in courses["random"])
    print(f"Thousands of steps to a validation accuracy of {target:.4f}, {trials} trials of {base.epochs} epochs:")
    needed = {kind: [steps_to(steps, target) / 1000 for steps in own] for kind, own in courses.items()}
    for kind, own in needed.items():
        reached = sum(steps[-1][1] >= target for steps in courses[kind])
        whole = median_and_range([steps[-1][0] / 1000 for steps in courses[kind]], 0)
        best = median_and_range([steps[-1][1] for steps in courses[kind]], 4)
        print(
            f"| {kind} | {median_and_range(own, 1)} | reached {reached} of {repeats} | all its steps {whole} | "
            f"best {best} | {median_and_range(seconds[kind], 1)} s |"
        )
    medians = [statistics.median(own) for own in needed.values()]
    print(f"Median of TPE with pruning by that of random: {medians[1] / medians[0]:.2f}")


def course(service: Service, found: View) -> list[tuple[int, float]]:
    """Return (training steps so far, best score so far) after each trial, in the order in which they ended."""
    steps, best, course = 0, 0.0, []
    for trial in sorted(found.trials, key=lambda trial: trial.revision):
        steps += sum(run.step for run_id in trial.runs if (run := service.run(run_id)))
        if trial.state == "finished":
            best = max(best, trial.accuracy or 0.0)
        course.append((steps, best))
    return course


def steps_to(course: list[tuple[int, float]], target: float) -> int:
    return next((steps for steps, best in course if best >= target), course[-1][0])


def asking(quick: bool) -> None:
    count = 150 if quick else 500
    settings = Settings(parse(RunConfig(), VARIED), sampler="tpe", trials=count, prune=True)
    with tempfile.TemporaryDirectory() as folder:
        tried = Search(Path(folder) / "trials.log", settings)
        asks, ends = [], []
        for _ in range(count):
            started = time.thread_time()
            asked = tried.ask()
            asks.append((time.thread_time() - started) * 1e3)
            assert asked
            number, chosen = asked
            score = 1 - abs(chosen["lr"] - 0.03) - chosen.get("weight_decay", 0.0)
            started = time.thread_time()
            tried.note(number, runs=["0" * 16])
            pruned = tried.report(number, score, 1)
            result = {"runs": ("0" * 16,), "losses": (0.1,), "accuracies": (score,), "finals": (score,)}
            tried.end(number, "pruned" if pruned else "finished", score, result)
            ends.append((time.thread_time() - started) * 1e3)
        started = time.thread_time()
        Search(Path(folder) / "trials.log", settings).found()
        opened = (time.thread_time() - started) * 1e3
    print(f"Milliseconds of the processor at {count} trials, the last 50 of them:")
    print(f"| ask | {median_and_range(asks[-50:], 1)} |")
    print(f"| tell: note, report, prune, end | {median_and_range(ends[-50:], 1)} |")
    print(f"| reading the journal anew | {opened:.0f} |")


def busy(quick: bool) -> None:
    base = RunConfig(epochs=2, validation_split=0.2)
    settings = Settings(parse(base, VARIED), sampler="tpe", trials=30 if quick else 100)
    with lab() as (service, studies):
        found = swept(studies, settings)
        spans = []
        for trial in found.trials:
            for run_id in trial.runs:
                at = {event["state"]: event["at"] for event in service.events(run_id, ("State",))}
                spans.append((at["running"], max(at.values())))
    whole = max(end for _, end in spans) - min(begin for begin, _ in spans)
    share = sum(end - begin for begin, end in spans) / (WORKERS * whole)
    print(f"Workers have a run {share:.1%} of the time, {len(spans)} two-epoch runs of TPE in {whole:.1f} s, n = 1")


def mapped(quick: bool) -> None:
    base = RunConfig(epochs=2, validation_split=0.8 if quick else 0.2)
    space: Space = parse(base, ["lr=1e-4:1:log:10", "batch_size=16,32,64,128,256,512,1024,2048"])
    configs = [space.config(point) for point in Grid(space).points]
    times: dict[str, list[float]] = {"map": [], "runs alone": []}
    with lab() as (service, studies):
        for repeat in range(1 if quick else 3):
            # Other seeds, since a sweep does not train again what the lab has finished.
            started = time.perf_counter()
            service.submit_group([replace(config, seed=1000 + repeat) for config in configs])
            ended(service)
            times["runs alone"].append(time.perf_counter() - started)
            started = time.perf_counter()
            swept(studies, Settings(replace(space, base=replace(base, seed=repeat))))
            times["map"].append(time.perf_counter() - started)
    print(f"Seconds of a map of {len(configs)} two-epoch runs, n = {len(times['map'])}:")
    for kind, own in times.items():
        print(f"| {kind} | {median_and_range(own, 1)} |")
    print(f"Map by runs alone: {paired_ratio(times['map'], times['runs alone'])}")


def recipe(quick: bool) -> None:
    base = replace(RECIPE, epochs=3, validation_split=0.8) if quick else RECIPE
    settings = Settings(parse(base, RECIPE_VARIED), sampler="tpe", prune=True, trials=20 if quick else 200)
    with lab() as (service, studies):
        study_id = studies.start(settings)
        found = over_of(studies, study_id)
        steps = sum(run.step for trial in found.trials for run_id in trial.runs if (run := service.run(run_id)))
        assert found.best is not None
        print(
            f"{len(found.trials)} trials in {found.seconds:.0f} s, {steps:,} steps; the best has {found.best.accuracy}"
        )
        studies.confirm(study_id, best=5)
        while (result := over_of(studies, study_id).confirmation) is None or not result.done:
            time.sleep(LOOK_SECONDS)
        for place, one in enumerate(result.contestants):
            mean = one.accuracy.mean if one.accuracy else float("nan")
            mark = "*" if place == result.winner else " "
            print(f"{mark} {config_in_full(one.config)}: {one.score} in the sweep, {mean:.4f} with fresh seeds")
        assert result.winner is not None and result.test is not None
        print(f"Test accuracy of the winner with these seeds: {result.test.mean:.4f}, n = {result.test.n}")
        winner = replace(result.contestants[result.winner].config, validation_split=0.0)
        ids = service.submit_group([replace(winner, seed=seed) for seed in range(5)])
        ended(service)
        tests = [100 * (run.test_accuracy or 0.0) for run_id in ids if (run := service.run(run_id))]
    spread = statistics.stdev(tests)
    print(f"Trained on all images: {', '.join(f'{test:.2f}' for test in tests)}% test")
    print(f"mean {statistics.mean(tests):.2f}%, sd {spread:.2f}, n = {len(tests)} seeds")


PARTS = {"asking": asking, "busy": busy, "map": mapped, "page": page, "recipe": recipe, "search": search}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    print(machine())
    for name in options.parts or PARTS:
        PARTS[name](options.quick)


if __name__ == "__main__":
    main()
