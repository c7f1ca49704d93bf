"""The same pictures on a terminal that shows only ASCII: every glyph has a stand-in of the same width."""

from aios_top.render.cells import width

_STAND_INS = {
    glyph: stand_in
    for glyphs, stand_ins in (
        ("▁▂▃▄▅▆▇█", "_.-~=+*#"),
        ("■□·┄┆░▒▓", "#o.-:.:#"),
        ("▲▼◷×●○◆◌▸▹✓✗⏎‖", "^vo*@.!o>>+x<|"),
        ("─│┌┐└┘├┤┬┴┼═║╔╗╚╝", "-|+++++++++=|++++"),
        ("→←↑↓…–—≥≤≠±≈", "><^v.--><!~="),
        ("¹²³⁴⁵", "12345"),
    )
    for glyph, stand_in in zip(glyphs, stand_ins, strict=True)
}
_TABLE = str.maketrans(_STAND_INS)
_BRAILLE = range(0x2800, 0x2900)


def to_ascii(text: str) -> str:
    """Return `text` with every character in ASCII and in the same columns."""
    if text.isascii():
        return text
    text = text.translate(_TABLE)
    if text.isascii():
        return text
    return "".join(character if character.isascii() else _unknown(character) for character in text)


def _unknown(character: str) -> str:
    """Return stand-ins for a character without one of its own: braille dots are points of a curve."""
    if ord(character) in _BRAILLE:
        return " " if ord(character) == _BRAILLE.start else "*"
    return "?" * width(character)
