"""What a program wrote to its terminal, taken apart: control sequences by their kind, and the text between them."""

import re
import unicodedata

_SEQUENCE = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC
    r"|\x1b[P^_X].*?\x1b\\"  # DCS, PM, APC, SOS
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x1b[ -/]*[0-~]?"  # anything else that begins with ESC
)
_CSI = re.compile(r"\x1b\[([<=>?]?)([0-9;:]*)([ -/]*[@-~])")
_MODES = ["1000", "1003", "1004", "1006", "1015", "1049", "2004", "2048", "25", "7"]
VOCABULARY = {
    "CSI H", "CSI m",  # where, and in which colours
    "CSI <u", "CSI >u",  # kitty's keyboard protocol
    "CSI ?$p 2026", "CSI ?$p 2048",  # whether the terminal draws synchronously and tells its size
    *(f"CSI ?{switch} {mode}" for switch in "hl" for mode in _MODES),
    "OSC 22;default",  # Textual's pointer
}  # fmt: skip
"""Everything that the console itself ever writes to a terminal."""


def kinds(output: bytes) -> set[str]:
    """Return the kinds of control sequences."""
    return {_kind(found) for found in _SEQUENCE.findall(output.decode("utf-8", "replace"))}


def _kind(sequence: str) -> str:
    found = _CSI.fullmatch(sequence)
    if found is None:
        return (
            f"OSC {sequence[2:].rstrip(chr(7)).rstrip(chr(92)).rstrip(chr(27))}"
            if sequence[1:2] == "]"
            else repr(sequence)
        )
    private, parameters, final = found.groups()
    told = f" {parameters}" if private == "?" else ""
    return f"CSI {private}{final}{told}"


def text(output: bytes) -> str:
    """Return what is left without the control sequences."""
    return _SEQUENCE.sub("", output.decode("utf-8", "replace"))


def acting(written: str) -> set[str]:
    """Return the characters of a text that a terminal could act on."""
    return {c for c in written if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}} - {"\r", "\n"}
