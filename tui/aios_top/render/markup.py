"""Builds HTML and SVG in which no text can be anything but text."""

from html import escape

from aios_top.model.text import clean

LONGEST_TEXT = 4000


class Markup(str):
    """Text that is markup already; made here and nowhere else."""

    __slots__ = ()


def shown(value: object) -> Markup:
    """Return a value as text: what acts on a terminal or turns the direction of reading is shown, not done."""
    return value if isinstance(value, Markup) else Markup(escape(clean(str(value), LONGEST_TEXT)))


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """Return an element; children that are no markup are text, attributes without a value are left out.

    `class_` stands for `class`, an underscore for a hyphen.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(shown(child) for child in children if child is not None)
    return Markup(f"<{name}{told}>{inner}</{name}>")


def void(name: str, /, **attributes: object) -> Markup:
    """Return an element that has no end, such as `meta`."""
    return Markup(element(name, **attributes).removesuffix(f"</{name}>"))


def joined(*parts: object) -> Markup:
    """Return several parts as one."""
    return Markup("".join(shown(part) for part in parts))


def trusted(text: str) -> Markup:
    """Return text of this program's own as markup; never what came from elsewhere."""
    return Markup(text)


def _attribute(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else shown(value)
