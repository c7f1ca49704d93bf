"""Reads a recorded trace of requests: a CSV with the columns of Azure's or of BurstGPT's public traces."""

import csv
import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from aios_top.model.load import TraceRow
from aios_top.store.paths import StoreError

MOST_ROWS = 20_000
LARGEST_BYTES = 512 * 1024 * 1024

Column = tuple[str, str, str]
FORMATS: tuple[Column, ...] = (
    ("timestamp", "contexttokens", "generatedtokens"),  # Azure/AzurePublicDataset, 2023 and 2024
    ("timestamp", "request tokens", "response tokens"),  # HPMLL/BurstGPT
)
"""Columns for time, prompt and answer, in lower case; others are ignored."""


def read_trace(path: Path, most: int = MOST_ROWS) -> tuple[TraceRow, ...]:
    """Return the first `most` requests in order of time, counted from the first; raises StoreError that names the line.

    Requests without a prompt or without an answer, which BurstGPT has where a request failed, are left out.
    """
    try:
        if not path.is_file():
            found = "not a regular file" if path.exists() else "no such file"
            raise StoreError(f"{path}: {found}; give a CSV with columns as Azure's or BurstGPT's traces have")
        if path.stat().st_size > LARGEST_BYTES:
            raise StoreError(f"{path}: larger than {LARGEST_BYTES // 2**20} MiB; cut it first")
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = _rows(path, csv.reader(file), most)
    except UnicodeDecodeError as error:
        raise StoreError(f"{path}: not UTF-8; it is no CSV of requests") from error
    except csv.Error as error:
        raise StoreError(f"{path}: not a CSV: {error}") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
    if not rows:
        raise StoreError(f"{path}: holds no request with a prompt and an answer")
    rows.sort(key=lambda row: row.at)
    first = rows[0].at
    return tuple(TraceRow(row.at - first, row.input_tokens, row.output_tokens) for row in rows)


def _rows(path: Path, lines: Iterator[list[str]], most: int) -> list[TraceRow]:
    header = [name.strip().lower() for name in next(lines, [])]
    columns = next((names for names in FORMATS if set(names) <= set(header)), None)
    if columns is None:
        wanted = " or ".join(", ".join(names) for names in FORMATS)
        raise StoreError(f"{path}: line 1 has not the columns {wanted}")
    at, prompt, answer = (header.index(name) for name in columns)
    rows: list[TraceRow] = []
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        if len(rows) == most:
            break
        try:
            row = TraceRow(_time(line[at]), _tokens(line[prompt]), _tokens(line[answer]))
        except (ValueError, IndexError) as error:
            raise StoreError(f"{path}: line {number}: {error}") from error
        if row.input_tokens and row.output_tokens:
            rows.append(row)
    return rows


def _time(text: str) -> float:
    """Read seconds, or a date with fractions as long as Azure writes them."""
    for read in (float, _date):
        try:
            found = read(text.strip())
        except ValueError:
            continue
        if math.isfinite(found):
            return found
    raise ValueError(f"{text!r} is no time")


def _date(text: str) -> float:
    head, dot, rest = text.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return datetime.fromisoformat(f"{head}{dot}{rest[: min(6, digits)]}{rest[digits:]}").timestamp()


def _tokens(text: str) -> int:
    found = float(text)
    if not (math.isfinite(found) and found >= 0 and found == int(found)):
        raise ValueError(f"{text!r} is no number of tokens")
    return int(found)
