"""Pages read strictly, and a report in which every text is hostile."""

import re
from html.parser import HTMLParser

from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.recording import Mark, MarkKind
from aios_top.model.report import BlockStory, DecisionRun, Direction, Peak, Report, Stretch
from aios_top.model.text import clean

HOSTILE = "<script>window.hit=1</script>\"onload='window.hit=2' x=\"&#106;\u202e</title></svg><img src=x onerror=hit()>"
VOID = {"meta", "br", "img", "link", "input", "hr", "base"}


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed by its own end."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def is_inert(page: str) -> Reader:
    """The page has no script, no handler, and names nothing outside itself."""
    read = Reader(page)
    names = {tag for tag, _ in read.elements}
    assert names.isdisjoint(
        {"script", "iframe", "object", "embed", "form", "input", "base", "link", "img", "use", "image"}
    )
    for tag, attributes in read.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in {"src", "srcset", "action", "style", "data", "xlink:href"}, (tag, name)
            if name == "href":
                assert str(value).startswith("#")
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    return read


def hostile_report(text: str) -> Report:
    """A report in which every text is this one."""
    told = Decision(10.0, Action.UP, clean(text), clean(text), Origin.INFERRED, confirmation=clean(text), proposed=2)
    curve = ((0.0, 1.0), (5.0, None), (10.0, 700.0))
    story = BlockStory(
        text,
        text,
        text,
        [Direction("input", curve, curve, curve, Peak(700.0, 10.0), [Stretch(0.0, 10.0)])],
        {"reporting": curve, "desired": curve, "maximum": curve},
        Peak(700.0, 1.0),
        [Stretch(0.0, 5.0)],
        {text: (1.0,), "total": (1.0, 2.0)},
        [Stretch(2.0, 3.0)],
        origins={text: Origin.UNKNOWN, "compared": Origin.MEASURED},
        decisions=[DecisionRun(0.0, told, 3)],
        marks=[Mark(1.0, kind, text, text) for kind in MarkKind],
    )
    entry = {"kind": "intent", "seq": 1, "at": text, "fields": {"title": text, "by": text, "who": {"user": text}}}
    refused = {"kind": "refused", "seq": 2, "at": text, "fields": {"title": text, "message": text}}
    block = {"block_id": text, "component": text, "policy": dict.fromkeys(("uri", "name", "version", "mode"), text)}
    block["parameters"] = {"in_force": {text: text, "list": [text]}, "origin": text, "source": {text: text}}
    documents = {
        "audit.json": [entry, refused, {"kind": "outcome", "fields": {"intent": 1, "fate": text, "message": text}}],
        "blocks.json": [block],
        "policies.json": [{"blocks": [text], "from": text, "problem": text, "code_sha256": text}],
        "lints.json": {
            "blocks": [{"block_id": text, "findings": [dict.fromkeys(("level", "sentence", "advice"), text)]}]
        },
        "environment.json": {text: text},
    }
    return Report(
        text,
        text,
        0.0,
        10.0,
        2,
        2.0,
        text,
        text,
        text,
        text,
        text,
        [Stretch(5.0, 10.0)],
        [story],
        story.marks,
        documents,
    )
