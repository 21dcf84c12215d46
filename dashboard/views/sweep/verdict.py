"""A confirmation in words: the winner, what differs from it, and how much of its lead was luck."""

from core.sweep.confirmation import Confirmation, Contestant
from core.sweep.intervals import Interval
from core.sweep.view import View
from dashboard.views.sweep.wording import choice
from dashboard.words import UNKNOWN, config_line, counted, interval, percent


def name_of(sweep: View, contestant: Contestant) -> str:
    """Return a contestant's settings in one line."""
    trial = next((trial for trial in sweep.trials if trial.number == contestant.trial), None)
    return choice(trial.chosen) if trial else f"the settings it began from: {config_line(contestant.config)}"


def points(difference: float) -> str:
    """Return a difference of two accuracies in percentage points."""
    return f"{100 * difference:.2f} points"


def ends(mean: Interval | None) -> str:
    """Return the ends of the interval of a mean accuracy, which is none below 0 or above 100%."""
    if mean is None or mean.low is None or mean.high is None:
        return UNKNOWN
    return interval(max(0.0, mean.low), min(1.0, mean.high))


def sentences(sweep: View, found: Confirmation) -> list[str]:
    """Return what the confirmation says: the winner, what differs from it, its luck, and its test accuracy."""
    if found.winner is None:
        return ["A run of the confirmation did not finish, so no winner is named."] if found.done else []
    winner = found.contestants[found.winner]
    others = [contestant for i, contestant in enumerate(found.contestants) if i != found.winner]
    apart = sum(contestant.apart for contestant in others)
    said = [f"Winner: {name_of(sweep, winner)}."]
    if others:
        said[0] += f" It is ahead of {apart} of the {counted(len(others), 'other')} by more than chance explains"
        said[0] += "." if apart == len(others) else "; the rest may be as good."
    if found.seen_luck is not None:
        more = "less" if found.seen_luck >= 0 else "more"
        said.append(
            f"The sweep's best score was {percent(winner_score(found))}; with fresh seeds the same settings reach "
            f"{points(abs(found.seen_luck))} {more}."
        )
    if found.expected_luck is not None and found.noise is not None:
        said.append(
            f"The winner's luck that this sweep lets expect: {points(found.expected_luck)}, since an accuracy here "
            f"differs by {points(found.noise)} (standard deviation) from seed to seed."
        )
    if found.test:
        span = f" ({ends(found.test)})" if found.test.low is not None else ""
        said.append(f"Test accuracy of the winner, looked at for it alone: {percent(found.test.mean)}{span}.")
    return said


def winner_score(found: Confirmation) -> float | None:
    """Return the best score in the sweep, which is the first contestant's."""
    return found.contestants[0].score
