"""Turns a registry record into a running policy: download, unpack, import, construct, by AIOS's contract."""

import copy
import importlib.util
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from aios_top.testbed.autoscaler.archive import ArchiveError, unpack
from aios_top.testbed.autoscaler.fetch import FetchError, download
from aios_top.testbed.document import Document

CLASS_NAME = "AIOSv1PolicyRule"
ENTRY = Path("code") / "function.py"


class LoadError(Exception):
    """A policy that cannot be loaded; the text names the cause."""


class Rule:
    """One constructed policy object, with the settings and parameters it really got."""

    def __init__(self, policy: Any, module: ModuleType, settings: Document, parameters: Document) -> None:
        """Keep what `load` made."""
        self._policy = policy
        self._module = module
        self.settings = settings
        self.parameters = parameters

    def evaluate(self, input_data: Document) -> Any:
        """Ask for a decision; `parameters` is the object that the policy was constructed with, `context` is None."""
        return self._policy.eval(self.parameters, input_data, None)

    def manage(self, action: Any, data: Any) -> Any:
        """Pass a management command on and return whatever the policy returns."""
        return self._policy.management(action, data)

    def forget(self) -> None:
        """Take the policy's module out of the interpreter's table."""
        sys.modules.pop(self._module.__name__, None)


def load(record: Document, entry: Document, get_metrics: Callable[[], Document], folder: Path) -> Rule:
    """Load the policy of a registry record for a block's `policies.autoscaler` entry; raises LoadError.

    The registry's settings and parameters lie over the block's: what both name, the registry decides.
    Requirements are not installed: nothing of a demo is taken from the network.
    """
    home = folder / f"policy-{uuid.uuid4().hex}"
    try:
        home.mkdir()
        unpack(download(record["code"]), home)
    except (ArchiveError, FetchError, OSError) as error:
        raise LoadError(f"code {record['code']}: {error}") from error
    module = _import(home / ENTRY)
    try:
        settings = {**copy.deepcopy(entry.get("settings") or {}), "get_metrics": get_metrics}
        settings.update(record["policy_settings"])
        parameters = copy.deepcopy(entry.get("parameters") or {})
        parameters.update(record["policy_parameters"])
        policy = getattr(module, CLASS_NAME)("", settings, parameters)
    except (Exception, SystemExit) as error:
        sys.modules.pop(module.__name__, None)
        raise LoadError(f"{CLASS_NAME} cannot be constructed: {type(error).__name__}: {error}") from error
    return Rule(policy, module, settings, parameters)


def _import(path: Path) -> ModuleType:
    """Import a file under a name of its own, so that two versions of one policy never share a module."""
    if not path.is_file():
        raise LoadError(f"the archive's root holds no {ENTRY.as_posix()}")
    spec = importlib.util.spec_from_file_location(f"aios_policy_{path.parent.parent.name[-32:]}", path)
    if spec is None or spec.loader is None:
        raise LoadError(f"{ENTRY.as_posix()} is not importable")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise LoadError(f"{ENTRY.as_posix()} cannot be imported: {type(error).__name__}: {error}") from error
    return module
