"""`aios-top capsule`: the incident opens elsewhere, shows the same, and holds nothing that must not leave."""

import asyncio
import json
import os
import re
import resource
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aios_top.bundle.capsule_file import MANIFEST, write_capsule
from aios_top.cli.capsules import Wanted, make_capsule, without_network
from aios_top.cli.exits import UsageError
from aios_top.cli.main import main
from aios_top.cli.opened import opened
from aios_top.cli.past import FilePast
from aios_top.cli.wiring import PolicyFolders
from aios_top.engine.evidence import with_code as completed
from aios_top.engine.replay import Replay
from aios_top.model.capsule import CapsuleWish
from aios_top.model.lint_facts import Facts, Served
from aios_top.model.state import FleetState
from aios_top.model.text import Clean
from aios_top.model.verdict import Verdict
from aios_top.render.plain import fleet_table
from aios_top.store.recording_reader import open_recording
from aios_top.store.typed import document
from fakes.incident import BLOCK, SECRET, SILENT, WHO, incident
from fakes.recordings import differences, plain
from policy.harness import PLAIN

FETCHED = "http://files.example.net/policy.zip"


def without_secret(state: FleetState) -> FleetState:
    """What was live, but for the password that a message had in a URL."""

    def told(verdict: Verdict | None) -> Verdict | None:
        return verdict and replace(verdict, sentence=verdict.sentence.replace(f"mira:{SECRET}@", ""))

    def said(text: Clean | None) -> Clean | None:
        return text and Clean(text.replace(f"mira:{SECRET}@", ""))

    blocks = {
        name: replace(block, verdict=told(block.verdict), problem=said(block.problem))
        for name, block in state.blocks.items()
    }
    ends = {name: replace(end, problem=said(end.problem)) for name, end in state.endpoints.items()}
    return replace(state, blocks=blocks, endpoints=ends, verdict=told(state.verdict))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[FleetState]]:
    """The recording, and the states that it is of."""
    path = tmp_path_factory.mktemp("recorded") / "story.aiosrec"
    return path, asyncio.run(incident(path))


@pytest.fixture(scope="module")
def made(live) -> Path:
    """A capsule of it, made once."""
    output = live[0].with_name("incident.aioscap")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIOS_TOP_STATE", str(output.with_name("state")))
        assert main(["capsule", str(live[0]), "--note", "scaled late", "--output", str(output)]) == 0
    return output


@pytest.fixture
def capsule(made, tmp_path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copy(made, tmp_path / "incident.aioscap"))


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Another machine: another home, no configuration, no state."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    for name in ("AIOS_TOP_CONFIG", "AIOS_TOP_STATE", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    return home


def everything(path: Path) -> str:
    """All text in a capsule, the recording's too, each poll and moment of it decoded."""
    with opened(path) as found:
        replay = Replay(found.recording)
        parts: list[Any] = [found.manifest, found.documents, repr(found.recording.header)]
        parts += [str(document(poll)) for poll, _ in found.recording.steps()]
        parts += [str(document(trace)) for _, traces in found.recording.steps() for trace in traces.values()]
        parts += [str(found.recording.marks()), str(found.recording.audit())]
        parts += [str(plain(replay.state(at), at)) for at in replay.times[::9]]
    return "\n".join(map(str, parts))


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        yield from ((name, archive.read(name)) for name in archive.namelist())


def test_it_opens_on_a_fresh_machine_and_shows_the_same_verdicts(capsule, live, elsewhere) -> None:
    states = live[1]
    moved = elsewhere / "from-a-colleague.aioscap"
    shutil.move(capsule, moved)
    with opened(moved) as found:
        replay = Replay(found.recording)
        assert list(replay.times) == [state.at for state in states]
        severities = set()
        for state in states[::5]:
            again, shown = replay.state(state.at), without_secret(state)
            assert again.verdict == shown.verdict
            assert {name: block.verdict for name, block in again.blocks.items()} == {
                name: block.verdict for name, block in shown.blocks.items()
            }
            assert fleet_table(again) == fleet_table(shown)
            severities.add(state.verdict.severity)
        assert len(severities) > 1
    assert list(elsewhere.rglob("*.aiosrec*")) == []


def test_what_stands_beside_the_recording(capsule) -> None:
    with opened(capsule) as found:
        manifest, documents = found.manifest, found.documents
    assert (manifest["context"], manifest["note"], manifest["names_redacted"]) == ("story", "scaled late", False)
    assert manifest["from"].endswith("Z")
    blocks = {block["block_id"]: block for block in documents["blocks.json"]}
    assert blocks[BLOCK]["parameters"]["in_force"]["cooldown_seconds"] == 20
    assert blocks[BLOCK]["parameters"]["origin"] == "reported"
    policies = {policy["uri"]: policy for policy in documents["policies.json"]}
    told = policies["tokenautoscaler-explained:1.0-stable"]
    assert told["blocks"] == [BLOCK]
    assert told["running_code_sha256"][BLOCK] == told["code_sha256"]
    assert "class AIOSv1PolicyRule" in documents[told["file"]]
    assert policies["tokenautoscaler:2.0-stable"]["file"] is None
    assert "no address" in policies["tokenautoscaler:2.0-stable"]["problem"]
    assert {block["block_id"] for block in documents["lints.json"]["blocks"]} == {BLOCK, SILENT}
    assert [entry["kind"] for entry in documents["audit.json"]] == ["intent", "outcome"]
    assert documents["environment.json"]["aios_top"]
    assert documents["environment.json"]["recorded_by"] == "aios-top 9.9"


def test_a_part_of_the_time(run, live, tmp_path) -> None:
    path, states = live
    output = tmp_path / "part.aioscap"
    ran = run("capsule", str(path), "--from", "60s ago", "--to", "20s ago", "--output", str(output))
    assert ran.code == 0, ran.err
    with opened(output) as found:
        times = found.recording.times
        assert (times[0], times[-1]) == (states[-1].at - 60, states[-1].at - 20)
        state = next(entry for entry in states if entry.at == times[-1])
        again = Replay(found.recording).state(times[-1])
        assert {name: block.decisions[:5] for name, block in again.blocks.items()} == {
            name: block.decisions[:5] for name, block in state.blocks.items()
        }
        assert found.documents["audit.json"] == []


def test_a_capsule_can_be_cut_again(run, capsule, tmp_path) -> None:
    again = tmp_path / "again.aioscap"
    assert run("capsule", str(capsule), "--from", "30s ago", "--output", str(again)).code == 0
    with opened(again) as found:
        assert found.recording.times[-1] - found.recording.times[0] == 30


def fetched(state: FleetState) -> list[Facts]:
    """What is known of the policies when the file server was asked for the tutorial's: its archive, as inspected."""
    archives = PolicyFolders()
    served = Served(FETCHED, archives.read(archives.load(str(PLAIN.parents[1])).content))
    return [
        replace(entry, served=served) if entry.block.block_id == SILENT else entry for entry in without_network(state)
    ]


@pytest.fixture(scope="module")
def with_code(live) -> Path:
    """A capsule with a policy's code that was fetched, made once."""
    output = live[0].with_name("fetched.aioscap")
    with pytest.MonkeyPatch.context() as patch, open_recording(live[0]) as recording:
        patch.setenv("AIOS_TOP_STATE", str(output.with_name("state")))
        wanted = Wanted(recording.times[0], recording.times[-1], output, "scaled late", redact_names=True)
        make_capsule(recording, wanted, fetched)
    return output


def told(path: Path) -> tuple[Any, ...]:
    """What a capsule says of the policies, their code included, and every verdict in its last half minute."""
    with opened(path) as found:
        documents = found.documents
        sources = {name: text for name, text in documents.items() if name.startswith("policies/")}
        replay = Replay(found.recording)
        states = [replay.state(at) for at in replay.times if at >= replay.times[-1] - 30]
        verdicts = [[(block.block_id, block.verdict) for block in state.blocks.values()] for state in states]
        findings = documents["lints.json"]["blocks"]
        return documents["policies.json"], sources, verdicts, findings, found.manifest["note"]


def check_it_is_all_there(first: Path, again: Path) -> None:
    assert told(again) == told(first)
    policies, sources, verdicts, *_ = told(again)
    assert [entry["from"] for entry in policies] == ["shipped with aios-top", "http://host-4/policy.zip"]
    assert PLAIN.read_text() in sources.values()
    assert len(verdicts) == 16
    with opened(again) as found:
        assert found.manifest["names_redacted"] is True


def test_one_that_is_cut_from_it_has_the_code_that_was_fetched(run, with_code, tmp_path) -> None:
    again, third = tmp_path / "again.aioscap", tmp_path / "third.aioscap"
    ran = run("capsule", str(with_code), "--from", "2m ago", "--output", str(again))
    assert (ran.code, "is not in it" in ran.err) == (0, False), ran.err
    check_it_is_all_there(with_code, again)
    assert run("capsule", str(again), "--from", "1m ago", "--note", "", "--output", str(third)).code == 0
    check_it_is_all_there(with_code, third)


def test_one_that_is_cut_in_the_console_has_it_too(with_code, tmp_path) -> None:
    again = tmp_path / "again.aioscap"
    with opened(with_code) as found:
        past = FilePast(found.recording, brought=found.brought)
        last = past.times()[-1]
        assert past.hand_over(CapsuleWish(last - 60, last, str(again))).without_code == ()
    check_it_is_all_there(with_code, again)


def test_what_was_fetched_then_stands_for_what_is_served_now(with_code, live) -> None:
    with opened(with_code) as found, open_recording(live[0]) as recording:
        now = fetched(Replay(recording).state(recording.times[-1]))
        later = [replace(entry, served=Served("later", problem="gone")) for entry in now]
        first, second = (entry.served for entry in completed(later, found.brought.policies))
        assert (first.address, second.address) == ("later", "http://host-4/policy.zip")
        assert second.code.source == PLAIN.read_text()
        assert completed(now, {}) == now


@pytest.mark.parametrize(
    ("policies", "reason"),
    [
        (b'{"uri": "a"}', "policies.json: Expected `array`"),
        (b'[{"uri": 1}]', "policies.json: Expected `str`, got `int`"),
        (b'[{"uri": "a", "archive_sha256": "00", "file": "policies/9/function.py"}]', "names policies/9/function.py"),
        (b'[{"uri": "a", "archive_sha256": "00", "file": "lints.json"}]', "names lints.json, which is not there"),
    ],
)
def test_a_capsule_whose_policies_cannot_be_read_is_refused(capsule, tmp_path, policies: bytes, reason: str) -> None:
    content = {name: content for name, content in members(capsule) if name != MANIFEST}
    path = tmp_path / "bad.aioscap"
    write_capsule(path, {"context": "x"}, content | {"policies.json": policies})
    with pytest.raises(UsageError, match=re.escape(reason)), opened(path):
        pass


def test_a_secret_is_never_in_it(live, capsule, run, monkeypatch, tmp_path) -> None:
    assert SECRET.encode() in live[0].read_bytes() or SECRET in everything(live[0])
    assert SECRET not in everything(capsule)
    assert all(SECRET.encode() not in content for _, content in members(capsule))
    monkeypatch.setenv("AIOS_TOP_TOKEN", "tokenautoscaler")  # a text that does occur stands for a canary
    canary = tmp_path / "canary.aioscap"
    assert run("capsule", str(live[0]), "--output", str(canary)).code == 0
    assert "tokenautoscaler" not in everything(canary)


def test_names_go_on_request_and_everything_else_stays(run, live, tmp_path) -> None:
    path, states = live
    output = tmp_path / "redacted.aioscap"
    ran = run("capsule", str(path), "--redact-names", "--note", f"{BLOCK} on 10.1.2.3", "--output", str(output))
    assert ran.code == 0, ran.err
    text = everything(output)
    user, host = WHO.split("@")
    instances = {str(row.instance_id) for state in states for block in state.blocks.values() for row in block.instances}
    assert len(instances) > 3
    for name in (BLOCK, SILENT, user, host, "aios.example.net", "10.1.2.3", "wc-gpu-node1", "cluster-1:", *instances):
        assert name not in text, name
    with opened(output) as found:
        assert found.manifest["note"] == "block-1 on host-1"
        replay = Replay(found.recording)
        for state in states[::10]:
            again = replay.state(state.at)
            for before, after in zip(state.blocks.values(), again.blocks.values(), strict=True):
                assert after.verdict.code == before.verdict.code
                assert after.verdict.severity == before.verdict.severity
                assert [row.phase for row in after.instances] == [row.phase for row in before.instances]
                assert [entry.code for entry in after.decisions] == [entry.code for entry in before.decisions]
                assert after.averages == before.averages
                assert after.cooldown == before.cooldown
        last = replay.state(replay.times[-1])
        assert list(last.blocks) == ["block-1", "block-2"]
        assert last.verdict.sentence.startswith(("block-1: ", "block-2: "))
        assert found.documents["audit.json"][0]["fields"]["title"] == "Reset the cooldown of block-1"


def test_an_existing_file_is_left_alone(run, live, tmp_path) -> None:
    there = tmp_path / "there.aioscap"
    there.write_text("mine")
    ran = run("capsule", str(live[0]), "--output", str(there))
    assert (ran.code, there.read_text()) == (1, "mine")
    assert "exists already" in ran.err


def test_it_is_for_this_user_alone(capsule) -> None:
    assert capsule.stat().st_mode & 0o777 == 0o600


def damaged(capsule: Path, how: str) -> bytes:
    content = capsule.read_bytes()
    match how:
        case "cut":
            return content[: len(content) // 2]
        case "flipped":
            middle = len(content) // 2
            return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]
        case "empty zip":
            return b"PK\x05\x06" + bytes(18)
        case "behind":
            return content + b"more"
    raise AssertionError(how)


@pytest.mark.parametrize("how", ["cut", "flipped", "empty zip", "behind"])
def test_damaged_bytes_are_refused(capsule, run, how: str, tmp_path) -> None:
    broken = tmp_path / "broken.aioscap"
    broken.write_bytes(damaged(capsule, how))
    ran = run("capsule", str(broken), "--output", str(tmp_path / "out"))
    assert ran.code == 2
    assert "refused" in ran.err
    assert len(ran.err.splitlines()) == 1


def changed(capsule: Path, target: Path, **changes: bytes | None) -> Path:
    """A copy whose manifest stays and whose members `changes` replaces, adds or, with None, leaves out."""
    named = {name.replace("__", "."): content for name, content in changes.items()}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**dict(members(capsule)), **named}.items():
            if content is not None:
                archive.writestr(name, content)
    return target


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"audit__json": b"[]"}, "audit.json was changed"),
        ({"recording__aiosrec": b"SQLite format 3\x00"}, "recording.aiosrec was changed"),
        ({"extra__py": b"import os"}, "extra.py is not in the manifest"),
        ({"lints__json": None}, "lints.json is missing"),
        ({"manifest__json": None}, "no capsule"),
        ({"manifest__json": b"[" * 50_000}, "no JSON"),
        ({"manifest__json": b"[]"}, "not that of a capsule"),
        ({"manifest__json": b'{"format": "aios-top capsule", "version": 99}'}, "newer aios-top"),
        ({"manifest__json": b'{"format": "aios-top capsule", "version": 1}'}, "lists no members"),
        ({"big__json": b"0" * 50_000_000}, "unpacks to more than 200 times"),
        ({"../../up__py": b"x"}, "would leave the archive's folder"),
    ],
)
def test_what_is_not_what_its_manifest_says_is_refused(capsule, tmp_path, changes, reason: str) -> None:
    with pytest.raises(UsageError, match=reason), opened(changed(capsule, tmp_path / "x.aioscap", **changes)):
        pass


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"recording.aiosrec": b"no database"}, "refused: its recording"),
        ({"recording.aiosrec": b"SQLite format 3\x00" + bytes(5000)}, "refused: its recording"),
        ({"note.json": b"\xff"}, "there is no recording.aiosrec"),
    ],
)
def test_a_capsule_with_a_bad_recording_is_refused(tmp_path, content: dict[str, bytes], reason: str) -> None:
    path = tmp_path / "bad.aioscap"
    write_capsule(path, {"context": "x"}, content)
    assert MANIFEST in dict(members(path))
    with pytest.raises(UsageError, match=reason), opened(path):
        pass


def test_a_member_that_is_no_json_is_refused(capsule, tmp_path) -> None:
    with opened(capsule) as found:
        recording = found.recording.path.read_bytes()
    path = tmp_path / "bad.aioscap"
    write_capsule(path, {}, {"recording.aiosrec": recording, "lints.json": b"{"})
    with pytest.raises(UsageError, match=r"lints\.json cannot be read"), opened(path):
        pass


def test_what_is_neither_is_refused(tmp_path, run) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    for path in (text, tmp_path / "missing", tmp_path):
        ran = run("capsule", str(path))
        assert (ran.code, len(ran.err.splitlines())) == (2, 1), ran.err


def test_code_in_a_capsule_is_only_read(capsule, elsewhere, tmp_path) -> None:
    """Its code would leave a file behind; opening and replaying it runs none of it."""
    marker = tmp_path / "ran"
    with opened(capsule) as found:
        recording = found.recording.path.read_bytes()
        documents = dict(found.documents)
    documents["policies/1/function.py"] = f"open({str(marker)!r}, 'w').write('x')\n"
    packed = {name: (text if isinstance(text, str) else json.dumps(text)).encode() for name, text in documents.items()}
    path = elsewhere / "armed.aioscap"
    write_capsule(path, {"context": "x"}, {**packed, "recording.aiosrec": recording})
    with opened(path) as found:
        for state in Replay(found.recording).states():
            fleet_table(state)
        assert "open(" in found.documents["policies/1/function.py"]
    assert not marker.exists()


def test_differences_would_be_seen(live) -> None:
    """The comparison of this file's first test is one that can fail."""
    first, last = live[1][0], live[1][-1]
    assert differences(plain(first, first.at), plain(last, last.at))


def test_what_a_killed_replay_left_is_removed_and_what_is_held_stays(capsule, tmp_path) -> None:
    state = tmp_path / "state"
    killed, young = state / "capsule-killed", state / "capsule-young"
    with opened(capsule) as found:
        held = found.recording.path.parent
        killed.mkdir()
        young.mkdir()
        (killed / "recording.aiosrec").write_text("left")
        for folder in (killed, held):
            os.utime(folder, (1.0, 1.0))
        with opened(capsule) as again:
            assert again.recording.times == found.recording.times
        assert found.recording.path.exists()
    assert sorted(entry.name for entry in state.iterdir()) == ["capsule-young"]


def test_a_full_disk_leaves_no_half_of_one(tmp_path) -> None:
    path = tmp_path / "x.capsule"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_capsule(path, {"context": "x"}, {"recording.aiosrec": os.urandom(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not path.exists()
    write_capsule(path, {"context": "x"}, {"recording.aiosrec": b"whole"})
