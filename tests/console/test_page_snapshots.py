"""The load, policy and events pages and every dialog, as rows of characters, at every size.

Run with UPDATE_SNAPSHOTS=1 to write them anew; look at every line of the difference.
"""

from pathlib import Path

import pytest

from aios_top.console.app import ConsoleApp
from aios_top.console.dialogs import deploy as deploy_dialog
from aios_top.model.audit import AuditEntry
from aios_top.model.deploy import DeployState, DeployStep, StepStatus
from aios_top.model.load import LoadPhase, LoadPlan, LoadState
from console import policy_states, states
from console.cockpit import FakeCockpit
from console.screen import matches_snapshot, screen_text

NOW, BLOCK = states.NOW, "gemma3-27b-block"
SIZES = ((80, 24), (120, 40), (200, 60))
LOAD = LoadState(
    LoadPlan(BLOCK, 20, 1500, 50), LoadPhase.RUNNING, NOW - 70, "http://127.0.0.1:31504", sent=20, ok=11, failed=1,
    errors=(("HTTP 500: worker died", 1),), latencies=tuple(0.5 + 0.1 * number for number in range(11)),
    input_tokens=30_000,
)  # fmt: skip
DEPLOY = DeployState(
    "tokenautoscaler-explained:2.1-stable",
    (BLOCK,),
    (
        DeployStep("inspect", StepStatus.DONE, "2 files, sha256 9f31"),
        DeployStep("upload", StepStatus.RUNNING, fraction=0.62),
        *(DeployStep(name) for name in ("verify served bytes", "register", "bind", "restart", "first decision")),
    ),
)
AUDIT = [
    AuditEntry(
        1, NOW - 120, "intent",
        {"title": "Reset the cooldown of phi3-mini-block in demo", "by": "you@host",
         "request": {"block_id": "phi3-mini-block", "change": "ResetCooldown"}},
    ),
    AuditEntry(2, NOW - 119, "outcome", {"intent": 1, "fate": "done", "seconds": 0.112, "message": "ok"}),
    AuditEntry(3, NOW - 60, "refused", {"title": "Scale llama3-8b-block", "by": "you@host", "reason": "read-only"}),
]  # fmt: skip

TOLD = {"state": policy_states.fleet(), "reports": {BLOCK: policy_states.report()}}
PAGES = {
    "policy-told": ("4", TOLD),
    "load-idle": ("3", {}),
    "load": ("3", {"load": LOAD}),
    "policy": ("4", {}),
    "events": ("5", {"audit": AUDIT}),
}
DIALOGS = {
    "draft": ("e", TOLD), "diff": ("d", TOLD), "pause": ("P", {}), "force": ("F", {}),
    "confirm": ("C", {}), "confirm-production": ("C", {"production": True}), "load-form": ("T", {}),
    "deploy-form": ("D", {}), "scale-form": ("A", {}), "roll-back": ("B", {}), "filter": ("slash", {}),
    "command": ("colon", {}), "help": ("question_mark", {}), "guide": ("f2", {}), "settings": ("f12", {}), "quit": ("q", {"load": LOAD}),
}  # fmt: skip


async def shot(name: str, key: str, size: tuple[int, int], cockpit: dict[str, object]) -> str:
    app = ConsoleApp(FakeCockpit(**{"state": states.fleet(), **cockpit}))  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        await pilot.press(key)
        for _ in range(4):
            await pilot.pause()
        matches_snapshot(app, f"{name}-{size[0]}x{size[1]}")
        return screen_text(app)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", PAGES)
async def test_page(name: str, size: tuple[int, int]) -> None:
    key, cockpit = PAGES[name]
    shown = await shot(name, key, size, cockpit)
    if size == (80, 24):
        assert "\u2026" not in shown


async def test_a_deploy_stands_on_the_policy_page() -> None:
    assert "\u2026" not in await shot("policy-deploy", "4", (80, 24), {"deploy": DEPLOY})


@pytest.mark.parametrize("size", [(80, 24), (60, 12)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", DIALOGS)
async def test_dialog(name: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy_dialog, "shipped", lambda _folder: Path("/tmp"))
    key, cockpit = DIALOGS[name]
    await shot(f"dialog-{name}", key, size, cockpit)
