"""The registry: does the block's uri lead to one policy, and is it the one that runs."""

from collections.abc import Iterator

from aios_top.model.lint import Finding, NotChecked
from aios_top.model.lint_facts import Facts


def no_autoscaler(facts: Facts) -> Iterator[Finding]:
    """Find a block whose autoscaler has nothing to run."""
    if facts.block.record is not None and facts.bound is None:
        yield Finding(
            "NoAutoscaler",
            "the block has no policy autoscaler",
            "its autoscaler container loops without a pause and logs thousands of errors a second",
            f"deploy one: {facts.command('policy', 'deploy', '--restart')}",
        )


def registered(facts: Facts) -> Iterator[Finding | NotChecked]:
    """Find a uri that the registry does not have."""
    if facts.bound is None:
        return
    if facts.policies is None:
        yield NotChecked("UnregisteredPolicy", "the policy registry could not be read")
    elif not facts.registered:
        name = facts.bound.uri.partition(":")[0]
        others = sorted({str(entry.uri) for entry in facts.policies if entry.name == name})
        yield Finding(
            "UnregisteredPolicy",
            f"the block names {facts.bound.uri}, which the registry does not have",
            "the autoscaler that runs goes on; at its next start it finds no policy, ends, and is restarted for ever: "
            "the block is not scaled any more",
            f"bind it to a registered version ({', '.join(others)}) with policy rollback, or deploy that version"
            if others
            else f"deploy {facts.bound.uri}, or bind the block to another policy",
        )


def duplicates(facts: Facts) -> Iterator[Finding]:
    """Find several records of one uri: the registry has no unique index."""
    records = facts.registered
    if len(records) < 2:
        return
    uri, differ = records[0].uri, any(_content(entry) != _content(records[0]) for entry in records[1:])
    codes = ", ".join(dict.fromkeys(str(entry.code) for entry in records))
    yield Finding(
        "ConflictingRegistrations" if differ else "DuplicateRegistration",
        f"{uri} is registered {len(records)} times" + (" with different content" if differ else ""),
        f"AIOS loads one of them, nothing says which ({codes}); a PUT or DELETE changes one and leaves the others",
        f"delete {len(records) - 1} of them with DELETE /policy/{uri}, then look again",
    )


def running(facts: Facts) -> Iterator[Finding]:
    """Find a policy that runs beside the one that the record names."""
    report = facts.block.policy
    if not facts.speaks or facts.bound is None or not report.policy_name:
        return
    name, _, version = facts.bound.uri.partition(":")
    if (name, version.partition("-")[0]) == (report.policy_name, (report.policy_version or "").partition("-")[0]):
        return
    yield Finding(
        "RunningIsNotBound",
        f"{report.policy_name} {report.policy_version or ''} runs, the block names {facts.bound.uri}".replace(
            "  ", " "
        ),
        "AIOS loads a policy only when the executor starts: the next restart, also an unplanned one, changes it",
        f"restart it when it suits you: {facts.command('policy', 'restart')}",
    )


def _content(record: object) -> object:
    """Return what of a record decides how a block is scaled."""
    return (getattr(record, "code", None), getattr(record, "parameters", None), getattr(record, "settings", None))


RULES = (no_autoscaler, registered, duplicates, running)
