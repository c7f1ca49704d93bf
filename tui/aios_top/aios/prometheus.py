"""Reads history from a Prometheus that scrapes AIOS's instances: what the console did not see itself."""

import asyncio
import math
from collections.abc import Sequence

import httpx
import msgspec

from aios_top.model.errors import ReadError
from aios_top.model.fact import Backfilled
from aios_top.model.text import clean

TIMEOUT_SECONDS = 4.0
MOST_BYTES = 8 * 1024 * 1024
STEP_SECONDS = 15.0
BLOCK_LABEL = "blockID"
"""Label of AIOS's instance pods that names their block."""

_IN, _OUT, _REQUESTS = "llm_prompt_tokens_total", "llm_tokens_generated_total", "llm_prompts_total"
_SPENT = "llm_inference_duration_seconds"


def _queries(label: str) -> dict[str, str]:
    """Return the query of each column of a block's history; means are tokens per request as the policies see them."""
    queries = {
        f"{side}_average_{window}": f"avg by ({label}) (rate({name}[{window}]) / rate({_REQUESTS}[{window}]))"
        for side, name in (("input", _IN), ("output", _OUT))
        for window in ("1m", "5m", "15m")
    }
    queries |= {
        f"{side}_rate": f"60 * sum by ({label}) (rate({name}[1m]))" for side, name in (("input", _IN), ("output", _OUT))
    }
    return queries | {
        "reporting": f"count by ({label}) ({_IN})",
        "requests": f"60 * sum by ({label}) (rate({_REQUESTS}[1m]))",
        "latency": f"sum by ({label}) (rate({_SPENT}_sum[1m])) / sum by ({label}) (rate({_SPENT}_count[1m]))",
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
        columns: Sequence[str],
        label: str = BLOCK_LABEL,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`columns` are those of a block's history, in order."""
        self._url = url.rstrip("/")
        self._columns = tuple(columns)
        self._label = label
        self._transport = transport

    async def history(self, block_ids: Sequence[str], start: float, end: float) -> list[Backfilled]:
        """Return what the server knows of these blocks between two times; raises ReadError."""
        queries = {name: query for name, query in _queries(self._label).items() if name in self._columns}
        async with httpx.AsyncClient(
            trust_env=False, follow_redirects=False, timeout=TIMEOUT_SECONDS, transport=self._transport
        ) as client:
            answers = await asyncio.gather(*(self._ask(client, query, start, end) for query in queries.values()))
        rows: dict[str, dict[float, list[float | None]]] = {block_id: {} for block_id in block_ids}
        for name, answer in zip(queries, answers, strict=True):
            place = self._columns.index(name)
            for series in answer:
                known = rows.get(series.metric.get(self._label, ""))
                for at, text in series.values if known is not None else ():
                    value = _finite(text)
                    if known is not None and value is not None:
                        known.setdefault(at, [None] * len(self._columns))[place] = value
        return [
            Backfilled(
                clean(block_id, 1000),
                tuple(sorted(found)),
                tuple(tuple(found[at]) for at in sorted(found)),
                self.name,
            )
            for block_id, found in rows.items()
            if found
        ]

    async def _ask(self, client: httpx.AsyncClient, query: str, start: float, end: float) -> list[_Series]:
        asked = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{STEP_SECONDS:g}"}
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                async with client.stream("GET", f"{self._url}/api/v1/query_range", params=asked) as response:
                    body = b""
                    async for part in response.aiter_bytes():
                        body += part
                        if len(body) > MOST_BYTES:
                            raise ReadError("too_large", "prometheus answers more than 8 MiB")
        except TimeoutError as error:
            raise ReadError("timeout", f"prometheus does not answer within {TIMEOUT_SECONDS:g} s") from error
        except httpx.InvalidURL as error:
            raise ReadError("no_address", f"prometheus: {error}; give --prometheus http://HOST:9090") from error
        except httpx.HTTPError as error:
            raise ReadError("refused", f"prometheus: {clean(str(error) or type(error).__name__)}") from error
        return _series(body, response.status_code)


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
