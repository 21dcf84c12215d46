"""Events of a run, as a service has recorded them."""


def recorded(service, run_id, kind):
    """Return the events of a kind that the service has recorded of a run."""
    return [event for event in service.events(run_id) if event["event"] == kind]
