"""A recorded incident: a block that scales up and down, one that tells nothing, an outage, an operator's change."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from aios_top.model.audit import AuditEntry
from aios_top.model.errors import ReadError
from aios_top.model.fact import AuditRead
from aios_top.model.recording import Mark, MarkKind, RecordingHeader
from aios_top.model.state import FleetState
from fakes.recordings import Story, simulated
from fakes.simulated import SimulatedBlock

BLOCK = "llama-chat"
SILENT = "qwen-code"
WHO = "mira@ops-7.example.net"
SECRET = "sk-canary-51f0c2"
IN_A_RECORD, IN_AN_ANSWER = "sk-rotated-77d01e", "sk-answered-3b9a44"
IN_A_DECISION, IN_A_PARAMETER, IN_AN_ACT = "sk-decided-c2f518", "sk-in-force-6ab0d7", "sk-typed-90ce12"
"""Each stands under the name of a secret in the middle of `rotated` alone, and in a sentence after it."""


async def incident(path: Path) -> list[FleetState]:
    """Record it and return the states that were live."""
    parameters = {"cooldown_seconds": 20, "api_key": SECRET}
    clock, reads = simulated(
        SimulatedBlock(BLOCK, "explained", rate=0.4, parameters=parameters),
        SimulatedBlock(SILENT, "plain", rate=0.4, parameters={"cooldown_seconds": 20}),
        push=6.0,
        interval=6.0,
    )
    header = RecordingHeader(context="story", program="9.9", who=WHO, address="http://aios.example.net:30201")
    story = Story(path, clock, reads, header)
    await story.poll(50)
    reads.fails["fleet"] = ReadError("timeout", f"http://mira:{SECRET}@10.1.2.3:30201 gave no answer within 4s")
    await story.poll(4)
    reads.fails.clear()
    _act(story, clock.now())
    await story.poll(20)
    for block in reads.blocks.values():
        block.spec.rate = 0.0
    await story.poll(40)
    story.writer.close()
    return story.states


async def rotated(path: Path) -> None:
    """Record how credentials come and go between the first and the last poll, and are quoted when they are gone."""
    clock, reads = simulated(
        SimulatedBlock(BLOCK, "explained", rate=0.4, parameters={"cooldown_seconds": 20}), push=6.0, interval=6.0
    )
    story = Story(path, clock, reads, RecordingHeader(context="story"))
    await story.poll(10)
    spec, rule = reads.blocks[BLOCK].spec, reads.blocks[BLOCK].rule
    before, told = spec.parameters, rule.management
    spec.parameters = {**before, "api_key": IN_A_RECORD}

    def telling(action: str, data: dict[str, Any]) -> dict[str, Any]:
        answer = told(action, data)
        for decision in answer.get("decisions", ()):
            decision["bearer"] = IN_A_DECISION
        if "parameters_generation" in answer:
            answer["parameters_generation"] += 1  # so that the parameters are asked for, now and afterwards
        if "effective" in answer:
            answer["effective"]["db_password"] = IN_A_PARAMETER
        return answer | {"upstream": {"password": IN_AN_ANSWER}}

    rule.management = telling
    _act(story, clock.now(), {"headers": {"X-Api-Key": IN_AN_ACT}})
    await story.poll(10)
    spec.parameters, rule.management = before, told
    await story.poll(10)
    quoted = f"{IN_A_RECORD}, {IN_AN_ANSWER}, {IN_A_DECISION}, {IN_A_PARAMETER}, {IN_AN_ACT}"
    reads.fails["fleet"] = ReadError("http", f"the gateway refused {quoted}")
    await story.poll(3)
    reads.fails.clear()
    await story.poll(20)
    story.writer.close()


def _act(story: Story, now: float, more: Mapping[str, object] | None = None) -> None:
    """Let the next poll bring a change by hand, as the recorder hands it on."""
    user, host = WHO.split("@")
    fields = {
        "title": f"Reset the cooldown of {BLOCK}",
        "block": BLOCK,
        "who": {"user": user, "host": host},
        "request": {"url": f"http://10.1.2.3:31877/{BLOCK}/mgmt", "headers": {"Authorization": f"Bearer {SECRET}"}},
        **(more or {}),
    }
    entries = (
        AuditEntry(1, now, "intent", fields),
        AuditEntry(2, now, "outcome", {"intent": 1, "fate": "done", "message": "ok"}),
    )
    append = story.writer.append

    def with_change(poll, traces, marks=()):
        story.writer.append = append
        mark = Mark(poll.at, MarkKind.ACTION, BLOCK, str(fields["title"]))
        append(replace(poll, facts=(AuditRead(entries), *poll.facts)), traces, [*marks, mark])

    story.writer.append = with_change
