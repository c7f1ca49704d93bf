"""Metric answers by name: what is no JSON, what is another shape, and what holds figures that are none."""

import json
from typing import Any

SIZES = "llm_input_tokens_per_minute_rolling"
OUTPUT = "llm_output_tokens_per_minute_rolling"


def document(name: str = "in-aa01", size: Any = 300.0, at: float = 1_000.0, **more: Any) -> dict[str, Any]:
    """Return an instance's metric document."""
    windows = dict.fromkeys(("current", "average_1m", "average_5m", "average_15m"), size)
    return {
        "instanceId": name, "timestamp": at, SIZES: windows, OUTPUT: windows, "llm_prompts_total": 3.0,
        "llm_prompt_tokens_total": 900.0, "llm_tokens_generated_total": 90.0, **more,
    }  # fmt: skip


def block(*documents: Any, block_id: Any = "gemma") -> dict[str, Any]:
    return {"blockId": block_id, "instances": list(documents)}


def fleet(*blocks: Any) -> bytes:
    """Return the metrics service's answer."""
    return json.dumps({"success": True, "data": list(blocks)}).encode()


GOOD = fleet(block(document("in-aa01"), document("in-aa02")))
_TEXT = GOOD.decode()


def with_size(text: str) -> bytes:
    """Return the good answer with the first size written as `text`."""
    return _TEXT.replace('"average_1m": 300.0', f'"average_1m": {text}', 1).encode()


def _with_documents(*documents: Any) -> bytes:
    return fleet(block(*documents))


NO_JSON: dict[str, bytes] = {
    "json_truncated": GOOD[:-20],
    "json_trailing": GOOD + b"x",
    "json_two_docs": GOOD + GOOD,
    "json_bad_utf8": GOOD.replace(b"in-aa01", b"in-\xff\xfe1"),
    "json_latin1": _TEXT.replace("in-aa01", "in-\u00e41").encode("latin-1"),
    "json_overlong": GOOD.replace(b"in-aa01", b"in-\xc0\xaf1"),
    "json_utf16": _TEXT.encode("utf-16"),
    "json_bom": b"\xef\xbb\xbf" + GOOD,
    "json_int_5000_digits": with_size("9" * 5000),
    "json_single_quotes": _TEXT.replace('"', "'").encode(),
    "json_comment": b"// hi\n" + GOOD,
}
TOO_DEEP: dict[str, bytes] = {
    "json_deep_1000": b"[" * 1000 + b"]" * 1000,
    "json_deep_100k": b"[" * 100_000,
    "json_deep_obj_100k": b'{"a":' * 100_000,
}
OTHER_SHAPE: dict[str, bytes] = {
    "root_list": b"[1,2,3]",
    "root_null": b"null",
    "root_str": b'"hello"',
    "root_num": b"42",
    "root_true": b"true",
    "root_empty": b"{}",
    "data_null": b'{"success":true,"data":null}',
    "data_obj": b'{"success":true,"data":{"gemma":[]}}',
    "data_str": b'{"success":true,"data":"gemma"}',
    "data_missing": b'{"success":true}',
    "data_nulls": b'{"success":true,"data":[null,1,"x"]}',
}
NOT_FINITE = {"json_nan": "NaN", "json_inf": "Infinity", "json_neginf": "-Infinity", "json_1e999": "1e999"}
