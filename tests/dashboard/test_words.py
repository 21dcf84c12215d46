from core.optimizers import OPTIMIZERS
from core.runs.store import Run
from core.training.config import RunConfig
from dashboard.words import percent, run_label, stacked


def _run(config: RunConfig, name: str = "") -> Run:
    return Run("id", 1, name, config, 0.0, "finished", "", None, None, None)


def test_percent_has_two_decimals() -> None:
    assert percent(0.97316) == "97.32 %"


def test_label_says_what_sets_a_run_apart() -> None:
    assert run_label(_run(RunConfig())) == "Adam · 0.001 · batch 64"
    assert run_label(_run(RunConfig(schedule="cosine", lr=1e-4))) == "Adam · 0.0001 · batch 64 · Cosine"
    assert run_label(_run(RunConfig(), "mine")) == "mine"


def test_stacked_breaks_between_equations_only() -> None:
    assert stacked(r"a = 1, \qquad b = 2") == r"\begin{gathered}a = 1 \\[0.4em] b = 2\end{gathered}"
    for spec in OPTIMIZERS.values():
        for line in stacked(spec.formula).split(r" \\[0.4em] "):
            line = line.replace(r"\begin{gathered}", "").replace(r"\end{gathered}", "")
            assert line.count("{") == line.count("}"), spec.label
