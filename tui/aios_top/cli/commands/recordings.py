"""`aios-top recordings`: lists, checks, merges and removes recordings."""

import argparse
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from aios_top.cli.exits import DONE, FAILED, CommandError, UsageError
from aios_top.cli.installation import configuration
from aios_top.cli.named_files import existing
from aios_top.cli.recording import folder_of, limits_of, path_of
from aios_top.model.recording import RecordingInfo
from aios_top.model.span import span
from aios_top.render.numbers import count, stamp
from aios_top.render.timebar import size
from aios_top.store import recording_file
from aios_top.store.paths import StoreError
from aios_top.store.recording_folder import described, prune, recordings
from aios_top.store.recording_reader import open_recording
from aios_top.store.recording_slice import merge
from aios_top.store.recording_writer import RecordingLimits


def run(args: argparse.Namespace) -> int:
    """Do what the subcommand says."""
    try:
        code: int = _ACTIONS[args.subcommand](args)
    except StoreError as error:
        raise CommandError(str(error)) from error
    return code


def _list(args: argparse.Namespace) -> int:
    folder = folder_of(configuration())
    found = [(path, described(path)) for path in recordings(folder)]
    if args.json:
        print(json.dumps([_document(path, info) for path, info in found]))
    elif not found:
        print(f"no recordings in {folder}")
    else:
        width = max(len(path.name) for path, _ in found)
        for path, info in found:
            print(f"{path.name:<{width}}  {_sentence(path, info)}")
        total = sum(recording_file.size_of(path) for path, _ in found)
        print(f"{count(len(found), 'recording')}, {size(total)} in {folder}")
    return DONE


def _prune(args: argparse.Namespace) -> int:
    config = configuration()
    limits = limits_of(config)
    limits = RecordingLimits(
        limits.megabytes if args.megabytes is None else args.megabytes,
        limits.hours if args.hours is None else args.hours,
    )
    removed = prune(folder_of(config), limits)
    if args.json:
        print(json.dumps({"removed": [path.name for path in removed]}))
    else:
        names = ", ".join(path.name for path in removed)
        print(f"removed {count(len(removed), 'recording')}{': ' if names else ''}{names}")
    return DONE


def _merge(args: argparse.Namespace) -> int:
    config = configuration()
    with ExitStack() as opened:
        parts = [opened.enter_context(_opened(path_of(name, config))) for name in args.recording]
        polls = merge(parts, Path(args.output))
    if args.json:
        print(json.dumps({"output": args.output, "polls": polls, "recordings": len(parts)}))
    else:
        print(f"merged {count(polls, 'poll')} of {count(len(parts), 'recording')} into {args.output}")
    return DONE


def _verify(args: argparse.Namespace) -> int:
    config = configuration()
    names = [str(path_of(name, config)) for name in args.recording] or [
        str(path) for path in recordings(folder_of(config))
    ]
    results: list[dict[str, Any]] = []
    for name in names:
        existing(name)
    for name in names:
        try:
            with open_recording(Path(name)) as recording:
                problems = recording.verify()
                info = recording.info
            results.append({"name": name, "polls": info.polls, "lost": info.lost, "problems": problems})
        except StoreError as error:
            problem = str(error).removeprefix(f"{name}: ")
            results.append({"name": name, "polls": 0, "lost": None, "problems": [problem]})
    if args.json:
        print(json.dumps(results))
    for result in results if not args.json else ():
        lost = f", {count(result['lost'], 'poll')} lost" if result["lost"] else ""
        print(f"{result['name']}: {'; '.join(result['problems']) or 'ok'} ({count(result['polls'], 'poll')}{lost})")
    return FAILED if any(result["problems"] or result["lost"] for result in results) else DONE


_ACTIONS = {"list": _list, "prune": _prune, "merge": _merge, "verify": _verify}


def _opened(path: Path) -> Any:
    try:
        return open_recording(path)
    except StoreError as error:
        raise UsageError(str(error)) from error


def _sentence(path: Path, info: RecordingInfo | StoreError) -> str:
    if isinstance(info, StoreError):
        return f"cannot be read: {str(info).removeprefix(f'{path}: ')}"
    if info.first is None or info.last is None:
        return f"{info.header.context}: nothing in it"
    lost = f", {count(info.lost, 'poll')} lost" if info.lost else ""
    writing = ", being written" if recording_file.being_written(path) else ""
    blocks = count(info.blocks, "block")
    length = f"{stamp(info.first)} for {span(info.last - info.first)}"
    return f"{info.header.context}: {blocks}, {length}, {count(info.polls, 'poll')}, {size(info.bytes)}{lost}{writing}"


def _document(path: Path, info: RecordingInfo | StoreError) -> dict[str, Any]:
    if isinstance(info, StoreError):
        return {"path": str(path), "problem": str(info)}
    return {
        "path": str(path),
        "context": str(info.header.context),
        "origin": str(info.header.origin_note),
        "program": str(info.header.program),
        "first": info.first,
        "last": info.last,
        "polls": info.polls,
        "lost": info.lost,
        "pruned": info.pruned,
        "bytes": info.bytes,
        "blocks": info.blocks,
        "sessions": info.sessions,
        "being_written": recording_file.being_written(path),
    }
