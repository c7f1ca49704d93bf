"""Whether the deployed code is the policy file at hand, in a sentence."""

from aios_top.model.explanation import Match
from aios_top.model.state import BlockState
from aios_top.model.verification import Verification
from aios_top.render.cells import Role, Row
from aios_top.render.numbers import clock, count
from aios_top.render.wrap import labelled


def verification_sentence(block: BlockState) -> str:
    """Return what re-evaluation has shown of a block's code, empty where no file concerns it."""
    known = block.verification
    if known is None:
        return ""
    if known.problem is not None:
        return f"{known.file_name} cannot be run beside the console: {known.problem}"
    if known.first_difference is not None:
        return difference_sentence(known)
    same, unverifiable = known.count(Match.SAME), known.count(Match.NOT_VERIFIABLE)
    if not same:
        return f"nothing to verify with {known.file_name} yet: {count(unverifiable, 'decision')} without a whole record"
    rest = f", {unverifiable} not verifiable" if unverifiable else ""
    return f"{count(same, 'decision')} evaluated again with {known.file_name}: all the same{rest}{_code(block, known)}"


def verification_rows(block: BlockState, columns: int, indent: int) -> list[Row]:
    """Return the sentence for the policy's page; nothing where no file concerns the block."""
    text = verification_sentence(block)
    if not text or block.verification is None:
        return []
    wrong = block.verification.first_difference is not None
    role = Role.BAD if wrong else Role.WARN if block.verification.problem else Role.TEXT
    return labelled(" verified", text, columns, role, indent=indent)


def difference_sentence(known: Verification) -> str:
    """Return the finding: which decision the file comes to another result on."""
    first = known.first_difference
    if first is None:
        return ""
    told = known.results[first.key].note
    number = "" if first.seq is None else f" {first.seq}"
    differing = known.count(Match.DIFFERS)
    more = f" ({differing} of {differing + known.count(Match.SAME)} differ)"
    return f"the deployed code is not {known.file_name}: at decision{number} of {clock(first.at)} {told}{more}"


def _code(block: BlockState, known: Verification) -> str:
    """Say whether the running code has the file's own bytes."""
    running = block.policy.code_sha256
    if running is None:
        return ""
    return "; the running code has the same bytes" if running == known.file_sha256 else "; the running bytes differ"
