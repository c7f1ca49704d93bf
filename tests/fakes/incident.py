"""A recorded incident: a block that scales up and down, one that tells nothing, an outage, an operator's change."""

from pathlib import Path

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


def _act(story: Story, now: float) -> None:
    """Let the next poll bring a change by hand, as the recorder hands it on."""
    user, host = WHO.split("@")
    fields = {
        "title": f"Reset the cooldown of {BLOCK}",
        "block": BLOCK,
        "who": {"user": user, "host": host},
        "request": {"url": f"http://10.1.2.3:31877/{BLOCK}/mgmt", "headers": {"Authorization": f"Bearer {SECRET}"}},
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
