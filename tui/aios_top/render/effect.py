"""What a load test will do, said before it is started."""

from aios_top.model.load import LoadPlan, Shape
from aios_top.model.signal import Signal
from aios_top.model.state import BlockState
from aios_top.render.numbers import amount, count


def load_effect(plan: LoadPlan, block: BlockState) -> str:
    """Return the predicted effect of a burst on what the block's policy compares."""
    limits, window = block.thresholds, block.window.label
    total = f"{amount(plan.requests * plan.input_tokens)} input tokens in all"
    if block.signal is Signal.RATE and limits.input_up is not None:
        return f"{total}; the policy compares tokens per minute and instance with its limit {amount(limits.input_up)}"
    if limits.input_up is None:
        return f"{total}; no limit is known that it could cross"
    size = f"each request has {amount(plan.input_tokens)} input tokens"
    if plan.input_tokens > limits.input_up:
        return (
            f"{total}; {size}, above the limit {amount(limits.input_up)}: once these requests outweigh the others in "
            f"the {window} mean, the policy asks for one more replica"
        )
    if limits.output_up is not None and plan.max_output_tokens > limits.output_up:
        return (
            f"{total}; answers of up to {amount(plan.max_output_tokens)} tokens may lift the {window} mean above the "
            f"output limit {amount(limits.output_up)}"
        )
    return f"{total}; {size}, below the limit {amount(limits.input_up)}: the queue grows, but the policy sees no cause"


def load_request(plan: LoadPlan, target: str) -> str:
    """Return what is sent, in one line."""
    times = count(plan.requests, "time")
    often = f"{times} at once" if plan.shape is Shape.BURST else f"at most {times}"
    return f"POST {target}/v1/infer  {often}, model {plan.block_id}, max_tokens {plan.max_output_tokens}"
