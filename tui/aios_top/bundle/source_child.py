"""Parses the policy source on standard input and prints what is wrong with it; a program of its own.

Started by `aios_top.bundle.source` with nothing but the standard library.
"""

import ast
import contextlib
import io
import json
import resource
import sys
import tokenize

CPU_SECONDS = 2
MEMORY_BYTES = 512 * 1024 * 1024
CLASS = "AIOSv1PolicyRule"
METHODS = ("eval", "management")
BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


Declared = tuple[str | None, str | None]
"""Version and name."""
UNDECLARED: Declared = (None, None)


def problems_of(content: bytes) -> tuple[list[str], Declared]:
    """Return the problems of a policy's source, and the version and the name that it declares."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return [f"line {content[: error.start].count(10) + 1}: not UTF-8"], UNDECLARED
    except SyntaxError as error:
        return [f"line 1: {error.msg}"], UNDECLARED
    if encoding not in {"utf-8", "utf-8-sig"}:
        return [f"line 1: declared as {encoding}; only UTF-8 is read alike everywhere"], UNDECLARED
    for number, line in enumerate(text.split("\n"), start=1):
        if "\0" in line:
            return [f"line {number}: NUL byte"], UNDECLARED
        if not BIDIRECTIONAL.isdisjoint(line):
            return [
                f"line {number}: a bidirectional control character makes the text read other than it runs"
            ], UNDECLARED
    try:
        tree = ast.parse(content)
    except SyntaxError as error:
        return [f"line {error.lineno}: {error.msg}"], UNDECLARED
    except (MemoryError, RecursionError):
        return ["too deeply nested to be parsed"], UNDECLARED
    return shape_problems(tree), (text_of(tree, "POLICY_VERSION"), text_of(tree, "POLICY_NAME"))


def shape_problems(tree: ast.Module) -> list[str]:
    """Return what AIOS's loader would miss: the class and the two methods that it calls."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if CLASS not in classes:
        return [f"no class {CLASS} at the top of the file; AIOS constructs exactly that"]
    methods = methods_of(classes[CLASS], classes, set())
    missing = [name for name in METHODS if name not in methods]
    return [f"line {classes[CLASS].lineno}: {CLASS} has no method {name}" for name in missing]


def methods_of(node: ast.ClassDef, classes: dict[str, ast.ClassDef], seen: set[str]) -> set[str]:
    """Return the names of a class's methods, those of its bases in the same file included."""
    seen.add(node.name)
    found = {entry.name for entry in node.body if isinstance(entry, ast.FunctionDef)}
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes and base.id not in seen:
            found |= methods_of(classes[base.id], classes, seen)
    return found


def text_of(tree: ast.Module, name: str) -> str | None:
    """Return the text assigned to a name at the top of the file, None when there is none."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if name in names and isinstance(node.value.value, str):
                return node.value.value
    return None


def main() -> None:
    """Limit this process, then read, parse and answer."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # macOS does not have this limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    problems, (version, name) = problems_of(sys.stdin.buffer.read())
    print(json.dumps({"problems": problems, "version": version, "name": name}))  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
