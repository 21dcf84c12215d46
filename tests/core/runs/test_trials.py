from core.analysis.trials import Trial, try_out
from core.jobs import Jobs
from core.runs.trials import trials_job
from core.training.config import RunConfig

CONFIG = RunConfig(optimizer="sgd", lr=0.1, epochs=2, batch_size=100, validation_split=0.99, device="cpu")


def test_trials_are_taken_in_a_process_and_their_outcomes_kept() -> None:
    bad = RunConfig.from_dict({**CONFIG.to_dict(), "lr": 1000.0, "weight_decay": 10.0})
    trials = [Trial(CONFIG, 6), Trial(bad, 12)]
    jobs = Jobs()
    job = trials_job(jobs, trials)
    made = job.wait(pause=0.01)
    # An infinite loss comes through the JSON between the processes, too.
    assert made == tuple(map(try_out, trials))
    assert trials_job(jobs, trials) is job
    assert trials_job(jobs, trials[:1]) is not job
    jobs.close()
