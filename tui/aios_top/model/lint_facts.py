"""Everything that the lints look at, gathered before, and what follows from it at once."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from aios_top.model.command import command
from aios_top.model.deploy import PolicyCode
from aios_top.model.policy_state import Voice
from aios_top.model.record import PolicyRecord, PolicyReference
from aios_top.model.rule import DEFAULT_INTERVAL_SECONDS, DEFAULT_PUSH_SECONDS, number
from aios_top.model.schema import check
from aios_top.model.state import BlockState
from aios_top.model.window import Window

TUTORIAL: Mapping[str, Any] = {
    "input_tokens_up_threshold": 500,
    "output_tokens_up_threshold": 300,
    "input_tokens_down_threshold": 100,
    "output_tokens_down_threshold": 50,
    "min_replicas": 1,
    "averaging_period": "average_1m",
    "cooldown_seconds": 120,
}
"""Parameters and defaults of the AIOS tutorial's policy, which tells neither."""
READ_SETTINGS = frozenset({"intervalSeconds"})
"""The one setting that AIOS's runner reads."""


class Served(Struct, frozen=True):
    """What the file server gave for a registered code address."""

    address: str
    """The URL that was asked, which may name the same server otherwise than the record does."""
    code: PolicyCode | None = None
    problem: str | None = None
    """Why there is no archive."""


class Facts(Struct, frozen=True):
    """One block and everything its policy stands on. None: it could not be had, which is no finding."""

    block: BlockState
    policies: tuple[PolicyRecord, ...] | None = None
    """The whole registry, duplicates included."""
    served: Served | None = None
    local: PolicyCode | None = None
    local_name: str = ""
    startup_seconds: tuple[float, ...] = ()
    """How long each replica start took that could be observed."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """A draft's values, which stand for those in force."""
    reach: str = ""
    """Options of the command line that lead to this AIOS, for the commands in advice."""

    def command(self, *words: str) -> str:
        """Return a command about this block that can be copied."""
        return command(*words, "--block", self.block.block_id, reach=self.reach)

    @property
    def bound(self) -> PolicyReference | None:
        """The block's entry for its autoscaler policy."""
        return self.block.record.autoscaler if self.block.record else None

    @property
    def registered(self) -> tuple[PolicyRecord, ...]:
        """The registry's records of the bound uri."""
        bound = self.bound
        return () if bound is None else tuple(entry for entry in self.policies or () if entry.uri == bound.uri)

    @property
    def overlay(self) -> Mapping[str, Any]:
        """The registry's parameters, which replace the block's."""
        return self.registered[0].parameters if self.registered else {}

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings in force: the block's, overlaid by the registry's."""
        over = self.registered[0].settings if self.registered else {}
        return {**(self.bound.settings if self.bound else {}), **over}

    @property
    def declared(self) -> Mapping[str, Any]:
        """The parameters in force as far as the records tell."""
        return {**(self.bound.parameters if self.bound else {}), **self.overlay}

    @property
    def known(self) -> Mapping[str, Any] | None:
        """The parameters that the policy has, with their defaults; None when nobody can say."""
        told = self.block.parameters
        if told is not None:
            return {name: told.defaults.get(name) for name in told.effective}
        properties = schema_properties(self.registered[0]) if self.registered else {}
        if properties:
            return {name: entry.get("default") for name, entry in properties.items()}
        return None

    @property
    def in_force(self) -> Mapping[str, Any]:
        """The parameters by which the policy decides, its defaults included."""
        told = self.block.parameters
        if told is not None:
            return {**told.effective, **self.parameters}
        return {**(self.known or TUTORIAL), **self.declared, **self.parameters}

    @property
    def decides_by_tokens(self) -> bool:
        """Whether the policy compares tokens as the tutorial's does; a silent one is taken for it."""
        return self.bound is not None and (self.known is None or "input_tokens_up_threshold" in self.known)

    def has(self, name: str) -> bool:
        """Return whether the policy has this parameter."""
        return name in (TUTORIAL if self.known is None else self.known)

    def value(self, name: str) -> float | None:
        """Return a parameter in force as a number, None where it is none."""
        return number(self.in_force.get(name))

    def flag(self, name: str) -> bool:
        """Return whether a parameter in force is true."""
        return self.in_force.get(name) is True

    @property
    def minimum(self) -> float | None:
        """The fewest replicas that the policy leaves."""
        return _bound(max, self.value("min_replicas"), self._block_limit("min_instances"))

    @property
    def maximum(self) -> float | None:
        """The most replicas that the policy asks for; None without a limit."""
        return _bound(min, self.value("max_replicas"), self._block_limit("max_instances"))

    def _block_limit(self, name: str) -> float | None:
        record = self.block.record
        return None if record is None or not self.flag("use_block_limits") else getattr(record, name)

    def cooldown(self, direction: str) -> float | None:
        """Return the seconds without action after an action; `direction` is `up` or `down`."""
        own = self.value(f"scale_{direction}_cooldown_seconds")
        return self.value("cooldown_seconds") if own is None else own

    @property
    def interval_seconds(self) -> float:
        """Seconds between two evaluations: as set, as observed, or AIOS's own."""
        given = number(self.settings.get("intervalSeconds")) or self.block.policy.interval_seconds
        return given or DEFAULT_INTERVAL_SECONDS

    @property
    def push_seconds(self) -> float:
        """Seconds between two pushes of an instance: observed, or AIOS's own."""
        return self.block.push_seconds or DEFAULT_PUSH_SECONDS

    @property
    def window_seconds(self) -> float | None:
        """Length of the averaging window; None for the latest value alone, and for a name that AIOS does not have."""
        try:
            return Window(str(self.in_force.get("averaging_period"))).seconds
        except ValueError:
            return None

    @property
    def speaks(self) -> bool:
        """Whether the running policy tells its state."""
        return self.block.policy.voice is Voice.FULL

    def value_problems(self) -> Mapping[str, str]:
        """Return what is wrong with single values: as the policy says, else by the registered schema."""
        told, schemas = self.block.parameters, self.schemas
        given = self.parameters if told is not None else {**self.declared, **self.parameters}
        found = {name: check(schemas[name], value) for name, value in given.items() if name in schemas}
        said = (
            {} if told is None else {name: str(problem) for name, problem in told.errors.items() if name not in given}
        )
        return {**said, **{name: problem for name, problem in found.items() if problem}}

    @property
    def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """The JSON schema of each parameter: the running policy's own, else the registered one."""
        if self.block.parameters is not None and self.block.parameters.schemas:
            return self.block.parameters.schemas
        return schema_properties(self.registered[0]) if self.registered else {}


def schema_properties(record: PolicyRecord) -> Mapping[str, Mapping[str, Any]]:
    """Return the registered JSON schema of each parameter; empty where the record has none."""
    schema = record.document.get("policy_parameters_schema")
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        return {}
    return {str(name): entry for name, entry in properties.items() if isinstance(entry, Mapping)}


def _bound(choose: Any, *limits: float | None) -> float | None:
    given = [limit for limit in limits if limit is not None]
    return choose(given) if given else None
