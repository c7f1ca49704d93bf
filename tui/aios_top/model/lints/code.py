"""The archive: is it served, is it what is meant, and what does its start need."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from aios_top.model.lint import Finding, NotChecked
from aios_top.model.lint_facts import Facts
from aios_top.model.text import clean

PLACEHOLDERS = frozenset({"managementmaster", "policystoreserver", "cluster1master"})
"""Hosts that AIOS's documentation writes for the reader's own."""
_ARCHIVE_LINTS = ("CodeNotServed", "ServedBytesDiffer", "RestartChangesCode", "RequirementsNeedNetwork")


def placeholder(facts: Facts) -> Iterator[Finding]:
    """Find a code address that was copied from the documentation."""
    for record in facts.registered[:1]:
        host = (urlsplit(record.code).hostname or "") if "://" in record.code else ""
        if host in PLACEHOLDERS:
            yield Finding(
                "PlaceholderAddress",
                f"the registered code is {record.code}",
                f"{host.upper()} is the documentation's word for your host: unless your cluster resolves that name, "
                "the next start of the autoscaler finds no code",
                "deploy the policy again: that registers the address under which it is served",
            )


def served(facts: Facts) -> Iterator[Finding | NotChecked]:
    """Find code that cannot be fetched or loaded."""
    found = facts.served
    if facts.bound is None:
        return
    if found is None:
        why = "no registered record leads to an archive"
        if facts.registered:
            why = "the registered code is no address that can be asked, or no address of the file server is configured"
        yield from (NotChecked(code, why) for code in _ARCHIVE_LINTS)
    elif found.code is None:
        yield Finding(
            "CodeNotServed",
            f"{clean(found.address, 200)} does not give the code: {clean(found.problem or 'no answer', 200)}",
            "the autoscaler downloads it at every start: the next restart of the executor ends without a policy",
            "upload the archive again with policy deploy, or correct the registered address",
        )
    elif found.code.problems:
        yield Finding(
            "ArchiveUnusable",
            f"what {clean(found.address, 200)} serves is no policy: {clean('; '.join(found.code.problems), 300)}",
            "AIOS unpacks and imports it at every start: the next restart of the executor ends without a policy",
            "pack and deploy the policy again; policy pack checks it before",
        )


def differs(facts: Facts) -> Iterator[Finding | NotChecked]:
    """Find served code that is not the local policy's, or not the running one's."""
    code = facts.served.code if facts.served else None
    if code is None or code.problems:
        return
    if facts.local is None:
        yield NotChecked("ServedBytesDiffer", "there is no local policy to compare with; name it with --policy PATH")
    elif (code.code_sha256, code.requirements) != (facts.local.code_sha256, facts.local.requirements):
        yield Finding(
            "ServedBytesDiffer",
            f"served code/function.py has sha256 {code.code_sha256[:12]}, "
            f"{facts.local_name} {facts.local.code_sha256[:12]}",
            "what you read, test and simulate here is not what the next start of the autoscaler loads",
            f"deploy {facts.local_name}, or look at {facts.command('policy', 'diff')}",
        )
    running = facts.block.policy.code_sha256
    if running is None:
        yield NotChecked("RestartChangesCode", "the running policy does not tell the sha256 of its code")
    elif running != code.code_sha256:
        yield Finding(
            "RestartChangesCode",
            f"code {running[:12]} runs, {code.code_sha256[:12]} is served",
            "the next restart of the executor, also an unplanned one, changes the policy",
            f"restart it when it suits you: {facts.command('policy', 'restart')}",
        )


def requirements(facts: Facts) -> Iterator[Finding]:
    """Find packages that every start installs."""
    code = facts.served.code if facts.served and facts.served.code else facts.local
    if code is None or not code.requirements:
        return
    names = ", ".join(clean(line, 60) for line in code.requirements[:6])
    yield Finding(
        "RequirementsNeedNetwork",
        f"code/requirements.txt wants {names}{' and more' if len(code.requirements) > 6 else ''}",
        f"pip installs {len(code.requirements)} at every start of the autoscaler: without a package index in reach it "
        "does not start, and a new release of one of them changes your policy",
        "use the standard library alone, or pin versions and serve them inside the cluster",
    )


RULES = (placeholder, served, differs, requirements)
