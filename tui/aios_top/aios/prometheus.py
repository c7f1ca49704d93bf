"""Reads history from a Prometheus that scrapes AIOS's instances: what the console did not see itself."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence

import httpx
import msgspec

from aios_top.model.curve import Sample, with_gaps
from aios_top.model.errors import ReadError
from aios_top.model.fact import Backfilled, InstanceCurve
from aios_top.model.span import length
from aios_top.model.text import clean

TIMEOUT_SECONDS = 4.0
MOST_BYTES = 8 * 1024 * 1024
BLOCK_STEP_SECONDS = 15.0
INSTANCE_STEP_SECONDS = 30.0
"""AIOS's instances push as often: nothing finer is known of them."""
BLOCK_LABEL, INSTANCE_LABEL = "blockID", "instanceID"
"""Labels of AIOS's instance pods that name their block and themselves."""

_IN, _OUT, _REQUESTS = "llm_prompt_tokens_total", "llm_tokens_generated_total", "llm_prompts_total"
_SPENT = "llm_inference_duration_seconds"
_WINDOWS = ("1m", "5m", "15m")

Key = tuple[str, ...]
"""What a series is about: a block, or a block and an instance."""
Found = dict[Key, dict[float, list[float | None]]]


def _size(counter: str, window: str) -> str:
    """Return the query of an instance's mean tokens per request; it is 0 where none came, as AIOS's own is."""
    requests = f"rate({_REQUESTS}[{window}])"
    return f"((rate({counter}[{window}]) / {requests} >= 0) or {requests} * 0)"


def _block_queries(block: str) -> dict[str, str]:
    """Return the query of each column of a block's history; means are over the instances, as the policies see them."""
    queries = {
        f"{side}_average_{window}": f"avg by ({block}) ({_size(counter, window)})"
        for side, counter in (("input", _IN), ("output", _OUT))
        for window in _WINDOWS
    }
    queries |= {
        f"{side}_rate": f"60 * sum by ({block}) (rate({name}[1m]))" for side, name in (("input", _IN), ("output", _OUT))
    }
    return queries | {
        "reporting": f"count by ({block}) ({_IN})",
        "requests": f"60 * sum by ({block}) (rate({_REQUESTS}[1m]))",
        "latency": f"sum by ({block}) (rate({_SPENT}_sum[1m])) / sum by ({block}) (rate({_SPENT}_count[1m]))",
    }


def _instance_queries(block: str, instance: str) -> dict[str, str]:
    """Return the query of each column of an instance's history; a queue is in no metric that Prometheus gets."""
    by = f"max by ({block}, {instance})"
    queries = {
        f"{side}_average_{window}": f"{by} ({_size(counter, window)})"
        for side, counter in (("input", _IN), ("output", _OUT))
        for window in _WINDOWS
    }
    return queries | {
        f"{side}_rate": f"60 * {by} (rate({name}[1m]))" for side, name in (("input", _IN), ("output", _OUT))
    }


class _Series(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]]


class _Data(msgspec.Struct):
    result: list[_Series]


class _Answer(msgspec.Struct):
    status: str
    data: _Data | None = None
    error: str = ""


_DECODER = msgspec.json.Decoder(_Answer)


class Prometheus:
    """One server; satisfies `engine.ports.History`."""

    name = "prometheus"

    def __init__(
        self,
        url: str,
        block_columns: Sequence[str],
        instance_columns: Sequence[str],
        labels: tuple[str, str] = (BLOCK_LABEL, INSTANCE_LABEL),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Name the columns of a block's and of an instance's history, in their order."""
        self._url = url.rstrip("/")
        self._block_columns = tuple(block_columns)
        self._instance_columns = tuple(instance_columns)
        self._labels = labels
        self._transport = transport

    async def history(self, block_ids: Sequence[str], start: float, end: float) -> list[Backfilled]:
        """Return what the server knows of these blocks between two times; raises ReadError."""
        block, instance = self._labels
        async with httpx.AsyncClient(
            trust_env=False, follow_redirects=False, timeout=TIMEOUT_SECONDS, transport=self._transport
        ) as client:

            async def ask(query: str, step: float) -> list[_Series]:
                return await self._ask(client, query, start, end, step)

            blocks = await _rows(
                ask, _block_queries(block), self._block_columns, (block,), block_ids, BLOCK_STEP_SECONDS
            )
            instances = await _rows(
                ask,
                _instance_queries(block, instance),
                self._instance_columns,
                (block, instance),
                block_ids,
                INSTANCE_STEP_SECONDS,
            )
        facts = []
        for block_id in block_ids:
            samples = _samples(blocks.get((block_id,), {}), end, BLOCK_STEP_SECONDS)
            curves = tuple(
                InstanceCurve(clean(name, 1000), *_columns(_samples(rows, end, INSTANCE_STEP_SECONDS)))
                for (owner, name), rows in instances.items()
                if owner == block_id
            )
            if samples or curves:
                facts.append(Backfilled(clean(block_id, 1000), *_columns(samples), self.name, curves))
        return facts

    async def _ask(self, client: httpx.AsyncClient, query: str, start: float, end: float, step: float) -> list[_Series]:
        asked = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                async with client.stream("GET", f"{self._url}/api/v1/query_range", params=asked) as response:
                    body = bytearray()
                    async for part in response.aiter_bytes():
                        body += part
                        if len(body) > MOST_BYTES:
                            raise ReadError("too_large", "prometheus answers more than 8 MiB")
        except TimeoutError as error:
            raise ReadError("timeout", f"prometheus does not answer within {length(TIMEOUT_SECONDS)}") from error
        except httpx.InvalidURL as error:
            raise ReadError("no_address", f"prometheus: {error}; give --prometheus http://HOST:9090") from error
        except httpx.HTTPError as error:
            raise ReadError("refused", f"prometheus: {clean(str(error) or type(error).__name__)}") from error
        return await asyncio.to_thread(_series, bytes(body), response.status_code)


async def _rows(
    ask: Callable[[str, float], Awaitable[list[_Series]]],
    queries: Mapping[str, str],
    columns: Sequence[str],
    labels: Key,
    block_ids: Sequence[str],
    step: float,
) -> Found:
    """Ask for every column at once; returns rows by time of each block or instance that the blocks have."""
    wanted = {name: query for name, query in queries.items() if name in columns}
    answers = await asyncio.gather(*(ask(query, step) for query in wanted.values()))
    known, found = frozenset(block_ids), Found()
    for name, answer in zip(wanted, answers, strict=True):
        place = columns.index(name)
        for series in answer:
            key = tuple(series.metric.get(label, "") for label in labels)
            if key[0] not in known or not all(key):
                continue
            rows = found.setdefault(key, {})
            for at, text in series.values:
                value = _finite(text)
                if value is not None:
                    rows.setdefault(at, [None] * len(columns))[place] = value
    return found


def _samples(rows: Mapping[float, Sequence[float | None]], end: float, step: float) -> list[Sample]:
    return with_gaps(sorted(rows.items()), end, step)


def _columns(samples: Sequence[Sample]) -> tuple[tuple[float, ...], tuple[tuple[float | None, ...], ...]]:
    return tuple(at for at, _ in samples), tuple(tuple(row) for _, row in samples)


def _series(body: bytes, status: int) -> list[_Series]:
    try:
        answer = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReadError("bad_json", f"prometheus answers {status} and no list of series: is it one?") from error
    if answer.status != "success" or answer.data is None:
        raise ReadError("failure", f"prometheus refuses the query: {clean(answer.error, 200)}")
    return answer.data.result


def _finite(text: str) -> float | None:
    """Return a sample's value; NaN is what a division by no requests gives."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
