"""What is wrong with how a block is autoscaled: the findings, and the list of everything that is looked for."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """It breaks autoscaling, will at the next restart, or lets it run away."""
    WARNING = "warning"
    """It does something else than its author means."""
    NOTE = "note"
    """Worth knowing before the next incident."""


class Finding(Struct, frozen=True):
    """One thing that is wrong, with its numbers."""

    code: str
    """Stable name, a key of `LINTS`."""
    sentence: str
    """What is the case."""
    why: str
    """Why it matters, with the block's own numbers."""
    advice: str
    """What to do about it."""

    @property
    def level(self) -> Level:
        """How much it matters."""
        return LINTS[self.code][0]


class NotChecked(Struct, frozen=True):
    """A lint that had nothing to look at; silence would look like a pass."""

    code: str
    why: str


class LintReport(Struct, frozen=True):
    """Everything that was found for one block."""

    block_id: str
    at: float
    """Unix seconds."""
    findings: tuple[Finding, ...] = ()
    """The worst first."""
    not_checked: tuple[NotChecked, ...] = ()

    def count(self, level: Level) -> int:
        """Return how many findings there are of a level."""
        return sum(finding.level is level for finding in self.findings)

    @property
    def failed(self) -> bool:
        """Whether there is an error among the findings."""
        return self.count(Level.ERROR) > 0


LINTS: Mapping[str, tuple[Level, str]] = {
    "InvalidParameter": (Level.ERROR, "a value that the policy cannot use"),
    "MinAboveMax": (Level.ERROR, "the minimum is above the maximum"),
    "ThresholdsInverted": (Level.ERROR, "the down threshold is not below the up threshold"),
    "NoMaximum": (Level.ERROR, "nothing limits the number of replicas"),
    "ScaleToZero": (Level.ERROR, "a minimum below 1: an empty block decides nothing and stays empty"),
    "UnknownWindow": (Level.ERROR, "an averaging period that the metrics do not have, so that it reads as 0"),
    "NoTokenMetrics": (Level.ERROR, "instances serve, but push none of the metrics that the policy compares"),
    "MetricsAlwaysStale": (Level.ERROR, "an age limit shorter than the pushes, so that every instance counts as stale"),
    "UnregisteredPolicy": (Level.ERROR, "the block names a policy that the registry does not have"),
    "ConflictingRegistrations": (Level.ERROR, "several records of one uri that differ"),
    "CodeNotServed": (Level.ERROR, "the registered code address does not answer"),
    "ArchiveUnusable": (Level.ERROR, "what is served is no policy that AIOS could load"),
    "NoAutoscaler": (Level.WARNING, "the block has no autoscaler policy, so its autoscaler only logs errors"),
    "OscillationPossible": (Level.WARNING, "one replica more lets the mean fall below the down threshold"),
    "CooldownShorterThanStartup": (Level.WARNING, "the next scale-up comes before the last replica serves"),
    "WindowLongerThanCooldown": (Level.WARNING, "the policy acts again on figures from before its last action"),
    "SizeNotRate": (Level.WARNING, "the thresholds compare the size of requests, not how many there are"),
    "MissingCountsAsZero": (Level.WARNING, "an instance without a figure counts as 0, which removes replicas"),
    "BlockLimitsUnread": (Level.WARNING, "the block's minInstances or maxInstances are read by nothing"),
    "RegistryOverridesParameters": (Level.WARNING, "the registry's parameters replace the block's"),
    "RegistryOverridesSettings": (Level.WARNING, "the registry's settings replace the block's"),
    "IgnoredParameter": (Level.WARNING, "a parameter that the policy does not have"),
    "IgnoredSetting": (Level.WARNING, "a setting that nothing reads"),
    "RuntimeOnly": (Level.WARNING, "a value that was changed while running and ends with the next restart"),
    "RunningIsNotBound": (Level.WARNING, "another policy runs than the block's record names"),
    "DuplicateRegistration": (Level.WARNING, "several equal records of one uri"),
    "ServedBytesDiffer": (Level.WARNING, "what is served is not the local policy"),
    "RestartChangesCode": (Level.WARNING, "the next restart loads other code than runs now"),
    "RequirementsNeedNetwork": (Level.WARNING, "packages that pip fetches at every start of the autoscaler"),
    "PlaceholderAddress": (Level.WARNING, "the code address still names the documentation's placeholder host"),
    "ActionsUnconfirmed": (Level.WARNING, "scalings that no instance followed: the scale call failed or the pod hangs"),
    "ShadowMode": (Level.WARNING, "the policy records its decisions and carries out none"),
    "StaleMetricsCount": (Level.NOTE, "the last figures of a hung instance count for up to 30 minutes"),
    "LastRequestDecides": (Level.NOTE, "the window `current` is the size of the last request, for up to 15 minutes"),
    "ScalesDownAtOnce": (Level.NOTE, "a single quiet evaluation removes a replica"),
    "CooldownShorterThanInterval": (Level.NOTE, "a cooldown that is over before the next evaluation"),
    "StabilizationTooShort": (Level.NOTE, "a stabilization window that no second evaluation falls into"),
    "EvaluatesOldMetrics": (Level.NOTE, "the policy evaluates more often than the instances push"),
    "MinimumCountsReporting": (Level.NOTE, "the minimum is compared with the instances that report, not with all"),
    "RemovesBusyReplica": (Level.NOTE, "the replica to remove is chosen by the size of its requests, not by its work"),
    "PolicyPaused": (Level.NOTE, "scaling is paused"),
}
"""Level and meaning of every lint, by its code."""
