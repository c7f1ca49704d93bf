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
    return "".join(stand_in(character) or "?" * width(character) for character in text)


def stand_in(character: str) -> str | None:
    """Return what stands for a character in ASCII, None where nothing does; braille dots are points of a curve."""
    if ord(character) in _BRAILLE:
        return " " if ord(character) == _BRAILLE.start else "*"
    return character if character.isascii() else _STAND_INS.get(character)
