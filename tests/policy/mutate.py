"""Mutation test of the policy file, on demand: change one thing, run the tests, and list what no test notices.

    python tests/policy/mutate.py --jobs 2 --results mutants.jsonl [--sample 300] [--function _scale_down]
    python tests/policy/mutate.py --jobs 2 --results mutants.jsonl --thorough

A mutant takes the place of the policy in a forked child that has all tests imported already, which takes about a second;
a general tool would start an interpreter for each and cannot follow a module that is loaded by path. Results are appended
to the file, and what is in it is not run again. Changed are comparisons, `and` and `or`, conditions, arithmetic, numbers,
booleans, what is returned, and statements, which are left out; texts are not, most of them are compared by tests anyway.
"""

import argparse
import ast
import contextlib
import io
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "policy" / "code" / "function.py"
FIRST = ("behaviour_table", "opt_in", "orders", "decisions", "management", "tutorial")
THEN = ("registration", "threads", "sets")
LAST = ("machine", "differential", "invariants")
"""Random ones, which take a minute: only with --thorough, for what the others have let through."""
TESTS = [FIRST, THEN]
PATIENCE_S = 300
"""A mutant that never ends is noticed."""

COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in the place of a node."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield ast.Compare(node.left, [COMPARISONS[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC and not isinstance(node.left, ast.Constant):
        yield ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield ast.Return(ast.Constant(None))
    elif (
        (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        or isinstance(node, ast.AugAssign)
        or (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute))
    ):
        yield ast.Pass()


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def mutants(source: str, only: str | None) -> Iterator[dict[str, object]]:
    """Yield every mutant: its name, and the source with one piece exchanged."""
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    raw = source.encode()
    for owner, node in _owned(tree, "module"):
        if only is not None and only not in owner:
            continue
        for number, change in enumerate(changes(node)):
            begin = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            old = raw[begin:end].decode()
            new = ast.unparse(ast.fix_missing_locations(change))
            replaced = f"({new})" if isinstance(node, ast.expr) else new
            name = f"{owner}:{node.lineno}:{node.col_offset}:{number}"
            mutated = (raw[:begin] + replaced.encode() + raw[end:]).decode()
            yield {
                "name": name,
                "old": " ".join(old.split())[:100],
                "new": " ".join(new.split())[:100],
                "source": mutated,
            }


def _owned(node: ast.AST, owner: str) -> Iterator[tuple[str, ast.AST]]:
    """Walk the code with the name of the function that each node stands in; types and texts are passed over."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr):
                continue
            inner = f"{owner}.{child.name}" if isinstance(child, ast.FunctionDef | ast.ClassDef) else owner
            yield inner, child
            yield from _owned(child, inner)


def files(names: tuple[str, ...]) -> list[str]:
    """Return the paths of tests."""
    return [str(Path(__file__).with_name(f"test_{name}.py")) for name in names]


def collect_all() -> None:
    """Import every test module here, so that children need not."""
    with contextlib.redirect_stdout(io.StringIO()):
        code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "-n0", *files(FIRST + THEN + LAST)])
    if code:
        raise SystemExit("the tests cannot be collected")


def is_noticed(mutated: str, *, quiet: bool = True) -> str | None:
    """Run the tests on a mutant in a child; return how it was noticed, None when it was not."""
    child = os.fork()
    if child == 0:
        _be_the_mutant(mutated, quiet=quiet)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return {0: None, 1: "killed"}.get(os.waitstatus_to_exitcode(status), "crashed")
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "timed out"
        time.sleep(0.02)


def _be_the_mutant(mutated: str, *, quiet: bool) -> None:
    code = 1
    try:
        if quiet:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
        harness = next(m for name, m in sys.modules.items() if name.endswith("policy.harness"))
        exec(compile(mutated, str(POLICY), "exec"), harness.explained.__dict__)
        for names in TESTS:
            code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-n0", *files(names)])
            if code:
                break
    finally:
        os._exit(min(int(code), 1))


def _results(path: Path) -> dict[str, str | None]:
    """Read what is known: how each mutant was noticed; a later line counts."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {result["name"]: result["noticed"] for result in map(json.loads, lines)}


def main() -> None:
    """Run the mutants that have no result yet, in a fixed random order."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--function")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--thorough", action="store_true", help="run again what has survived, with the random tests")
    options = parser.parse_args()
    os.environ["AIOS_TOP_POLICY_CASES"] = "1000"
    sys.path.insert(0, str(ROOT / "tests"))
    os.chdir(ROOT)
    collect_all()
    if is_noticed(POLICY.read_text(), quiet=False) is not None:
        raise SystemExit("the unchanged policy fails: nothing can be concluded")
    found = list(mutants(POLICY.read_text(), options.function))
    random.Random(1).shuffle(found)
    known = _results(options.results)
    chosen = [mutant for mutant in found[: options.sample] if mutant["name"] not in known]
    if options.thorough:
        TESTS.append(LAST)
        chosen = [mutant for mutant in found if known.get(mutant["name"], "?") is None]
    print(f"{len(found)} mutants, {len(chosen)} to run")
    with options.results.open("a") as results, ThreadPoolExecutor(options.jobs) as pool:
        for mutant, noticed in zip(chosen, pool.map(lambda m: is_noticed(str(m["source"])), chosen), strict=True):
            results.write(json.dumps({k: v for k, v in mutant.items() if k != "source"} | {"noticed": noticed}) + "\n")
            results.flush()
            if noticed is None:
                print(f"survived {mutant['name']}: {mutant['old']}  ->  {mutant['new']}", flush=True)


if __name__ == "__main__":
    main()
