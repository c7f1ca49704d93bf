"""The post-mortem as one HTML page that needs nothing else: no script, no request, readable on paper and by ear."""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

from aios_top.model.report import BlockStory, Report
from aios_top.render.markup import Markup, element, joined, trusted, void
from aios_top.render.report_plot import block_picture, legend
from aios_top.render.report_style import STYLE
from aios_top.render.report_tables import (
    action_table,
    decision_table,
    entries_of,
    finding_list,
    of_block,
    parameter_table,
    policy_facts,
    provenance_table,
)
from aios_top.render.report_words import moment, overview, story_sentences

_HONEST = (
    "Token figures are what the policy compares: the mean size of requests, or rates from counters; the axis says it. "
    "“Measured” was read from metric documents, “reported” said by the running policy, “declared” written in a record, "
    "“inferred” (~) concluded by aios-top from what changed. Where nobody looked, or nothing was heard, lines stop."
)


def report_page(report: Report) -> Iterator[str]:
    """Yield the page in parts."""
    yield "<!DOCTYPE html>\n"
    yield f'<html lang="en">\n{_head(report)}\n<body>\n'
    yield element("header", *_header(report))
    yield "\n<main>\n"
    yield _happened(report)
    for number, story in enumerate(report.stories, 1):
        yield "\n"
        yield _block(report, story, number)
    yield "\n"
    yield element("section", element("h2", "Changes by hand", id="actions"), action_table(report.documents))
    yield "\n"
    yield _about(report)
    yield "\n</main>\n</body>\n</html>\n"


def _head(report: Report) -> Markup:
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return element(
        "head",
        void("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        void("meta", name="referrer", content="no-referrer"),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="color-scheme", content="light dark"),
        void("meta", name="generator", content=report.made_by),
        element("title", report.title),
        trusted(f"<style>{STYLE}</style>"),
    )


def _header(report: Report) -> Iterator[Markup]:
    yield element("h1", report.title)
    yield element(
        "p",
        f"AIOS block autoscaling, context {report.context or '?'}, {moment(report.start, date=True)} to "
        f"{moment(report.end, date=True)} UTC. All times are UTC.",
        class_="dim",
    )
    if report.origin_note:
        yield element("p", f"Not a real AIOS: {report.origin_note}.", class_="banner")
    if report.note:
        yield element("p", element("span", "Note: ", class_="strong"), report.note)


def _happened(report: Report) -> Markup:
    blocks = [
        joined(
            element("h3", element("a", story.block_id, href=f"#b{number}")),
            element("ul", *(element("li", sentence) for sentence in story_sentences(story, report.poll_seconds))),
        )
        for number, story in enumerate(report.stories, 1)
    ]
    fleet = [element("li", f"{moment(mark.at)} {mark.kind.value}: {mark.text}") for mark in report.fleet_marks[:20]]
    return element(
        "section",
        element("h2", "What happened"),
        *(element("p", sentence) for sentence in overview(report)),
        element("ul", *fleet) if fleet else None,
        *blocks,
    )


def _block(report: Report, story: BlockStory, number: int) -> Markup:
    documents = report.documents
    document = of_block(documents.get("blocks.json"), story.block_id)
    lints = documents.get("lints.json")
    findings = of_block(lints.get("blocks") if isinstance(lints, dict) else None, story.block_id)
    return element(
        "section",
        element("h2", story.block_id, id=f"b{number}"),
        element("figure", block_picture(story, number, report.start, report.end, report.unseen), legend()),
        element("h3", "Decisions"),
        decision_table(story),
        element("h3", "Policy"),
        policy_facts(document, entries_of(documents.get("policies.json"))),
        parameter_table(document),
        element("h3", "Findings"),
        finding_list(findings),
        element("h3", "How this is known"),
        provenance_table(story),
    )


def _about(report: Report) -> Markup:
    environment = report.documents.get("environment.json")
    known = environment if isinstance(environment, dict) else {}
    facts = [
        ("made of", report.source),
        ("recorded by", report.recorded_by or "?"),
        ("page made by", report.made_by),
        *((name, value) for name, value in known.items() if name not in {"recorded_by", "aios_top"}),
    ]
    return element(
        "section",
        element("h2", "About this page"),
        element("p", _HONEST, class_="dim"),
        element("dl", *(joined(element("dt", name), element("dd", value)) for name, value in facts)),
    )
