"""A request on its way through a block."""

from typing import NamedTuple


class Job(NamedTuple):
    """One inference request; a tuple because a simulated day makes half a million of them."""

    job_id: str
    arrived: float
    """Seconds of the caller's clock at which the request reached the block."""
    input_tokens: int
    output_tokens: int
    session_id: str


class Done(NamedTuple):
    """One served request with the moments of its service, in seconds of the caller's clock."""

    job: Job
    instance_id: str
    started: float
    """When it left the queue and its prefill began."""
    first_token: float
    finished: float
    active: int
    """Requests that the replica was serving when this one ended, itself included."""
