"""Gathering what the lints look at: asks only, believes an archive for a while, never dials a registry's host."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from aios_top.bundle.archive import pack
from aios_top.cli.wiring import PolicyFolders
from aios_top.engine.lint import SERVED_SECONDS, Linter
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.record import PolicyRecord
from aios_top.model.text import clean
from aios_top.shipped import shipped
from bundle.archives import zip_of
from fakes.controls import BLOCK, URI, World, a_block, record

NAME = "tokens.zip"
CODE = f"http://MANAGEMENTMASTER:32555/{NAME}"


class Place(World):
    """A block whose policy is registered and served."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reads.registered = (_registered(),)
        self.reads.files[NAME] = zip_of()
        self.linter = Linter(self.reads, PolicyFolders(), self.clock, lambda: self.fleet)

    async def codes(self, **options: object) -> set[str]:
        return {entry.code for entry in (await self.linter.report(BLOCK, **options)).findings}  # type: ignore[arg-type]


def _registered(code: str = CODE, uri: str = URI) -> PolicyRecord:
    return PolicyRecord(clean(uri), clean("tokens"), clean("1.0"), clean("stable"), clean(code, 300))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_the_served_archive_is_inspected_in_memory(place: Place) -> None:
    facts = await place.linter.facts(BLOCK)
    assert facts.served is not None
    assert facts.served.code is not None
    assert "class AIOSv1PolicyRule" in facts.served.code.source
    assert facts.served.address == f"http://files.example:32555/{NAME}"
    assert await place.codes() >= {"PlaceholderAddress", "NoMaximum"}


@pytest.mark.parametrize(
    "code", [CODE, f"https://elsewhere/{NAME}", f"http://files.example:32555/{NAME}", "http://h/tokens%2Ezip"]
)
async def test_whatever_host_is_registered_the_own_file_server_is_asked(place: Place, code: str) -> None:
    place.reads.registered = (_registered(code),)
    assert "CodeNotServed" not in await place.codes()
    assert place.reads.calls["served"] == 1


@pytest.mark.parametrize("code", ["/opt/policies/tokens.zip", "ftp://h/tokens.zip", "", "http://h"])
async def test_what_is_no_web_address_is_not_asked_for(place: Place, code: str) -> None:
    place.reads.registered = (_registered(code),)
    report = await place.linter.report(BLOCK)
    assert "CodeNotServed" in {entry.code for entry in report.not_checked}
    assert place.reads.calls["served"] == 0


async def test_what_is_not_served_and_what_is_no_policy_are_told_apart(place: Place) -> None:
    place.reads.files[NAME] = b"<html>not a zip</html>"
    assert "ArchiveUnusable" in await place.codes()
    place.reads.files.clear()
    assert "CodeNotServed" in await place.codes(anew=True)


async def test_an_archive_is_fetched_once_in_a_while_or_when_wanted(place: Place) -> None:
    for _ in range(3):
        await place.codes()
    assert place.reads.calls["served"] == 1
    await place.codes(anew=True)
    assert place.reads.calls["served"] == 2
    await place.clock.advance(SERVED_SECONDS)
    await place.codes()
    assert place.reads.calls["served"] == 3


async def test_a_local_policy_is_compared_with_what_is_served(place: Place) -> None:
    here = str(shipped("policy"))
    assert "ServedBytesDiffer" in await place.codes(path=here)
    place.reads.files[NAME] = pack(shipped("policy"))
    assert "ServedBytesDiffer" not in await place.codes(path=here, anew=True)


async def test_without_a_path_the_shipped_policy_stands_in_for_its_own_uri_only(place: Place) -> None:
    assert (await place.linter.facts(BLOCK)).local is None
    own = PolicyFolders().load(str(shipped("policy"))).uri
    block = a_block(place.clock.now(), record=record(uri=own))
    place.show(block)
    place.reads.registered = (_registered(uri=own),)
    facts = await place.linter.facts(BLOCK)
    assert (facts.local_name, facts.local is not None) == (f"the shipped {own}", True)


async def test_a_local_policy_that_cannot_be_read_is_refused(place: Place, tmp_path: Path) -> None:
    with pytest.raises(ActionRefusedError, match="nowhere"):
        await place.linter.report(BLOCK, str(tmp_path / "nowhere"))


async def test_a_registry_that_cannot_be_read_is_no_missing_policy(place: Place) -> None:
    place.reads.fails["policies"] = ReadError("timeout", "no answer within 5s")
    report = await place.linter.report(BLOCK)
    assert "UnregisteredPolicy" not in {entry.code for entry in report.findings}
    assert "UnregisteredPolicy" in {entry.code for entry in report.not_checked}


async def test_the_registry_of_the_last_poll_is_good_enough(place: Place) -> None:
    place.fleet = replace(place.fleet, policies=place.reads.registered)
    await place.codes()
    assert place.reads.calls["policies"] == 0


async def test_a_given_start_up_time_takes_the_place_of_observation(place: Place) -> None:
    assert "CooldownShorterThanStartup" in await place.codes(startup_seconds=121.0)
    assert "CooldownShorterThanStartup" not in await place.codes(startup_seconds=119.0)


async def test_an_unknown_block_is_named_with_those_there_are(place: Place) -> None:
    with pytest.raises(ActionRefusedError, match=f"no block nobody; known blocks: {BLOCK}"):
        await place.linter.report("nobody")


async def test_nothing_is_ever_sent(place: Place) -> None:
    await place.codes()
    assert (place.mutations.sent, place.kinds()) == ([], [])
