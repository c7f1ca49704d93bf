"""Short ways to write documents down."""

from aios_top.model.reading import BlockReading, ExecutorReading, InstanceReading, Mean
from aios_top.model.text import clean
from aios_top.model.window import Rolling


def instance(
    name: str,
    timestamp: float | None,
    size: float | None = None,
    *,
    prompt: float = 0.0,
    generated: float = 0.0,
    output: float = 0.0,
) -> InstanceReading:
    """An LLM instance's document; `size` None means that it has served nothing yet."""
    rolling = None if size is None else Rolling(size, size, size, size)
    out = None if size is None else Rolling(output, output, output, output)
    return InstanceReading(
        clean(name),
        timestamp,
        input_size=rolling,
        output_size=out,
        prompt_tokens_total=prompt,
        generated_tokens_total=generated,
        inference=Mean(prompt / 100.0, prompt / 10.0),
    )


def block(*instances: InstanceReading, uptime: float | None = None, tasks: float = 0.0) -> BlockReading:
    """All documents of the block `b`."""
    executor = None if uptime is None else ExecutorReading(uptime, tasks)
    return BlockReading(clean("b"), tuple(instances), executor)
