"""An explanation as a JSON document: the same facts as on the screen, each figure exact."""

from typing import Any

from aios_top.model.decision import InstanceInput
from aios_top.model.explain import unit_of
from aios_top.model.explanation import Candidate, Comparison, Explanation, Match, Outlook, Stage
from aios_top.model.verification import Verification
from aios_top.render.document import SCHEMA, decision_document, figure, rfc3339
from aios_top.render.why import candidate_text, origin_sentence, outlook_sentence, sentence

Document = dict[str, Any]


def explanation_document(explanation: Explanation) -> Document:
    """Return one explained decision; `re_evaluated` is null where no file was at hand."""
    again = explanation.reevaluation
    return {
        "schema": SCHEMA,
        **decision_document(explanation.decision),
        "sentence": sentence(explanation),
        "source": origin_sentence(explanation),
        "unit": unit_of(explanation.decision),
        "re_evaluated": None if again is None else again.match.value,
        "re_evaluated_note": None if again is None else again.note or None,
        "stages": [_stage(stage) for stage in explanation.stages],
        "margins": {
            margin.name: {
                "value": figure(margin.value, 6),
                "up": figure(margin.up, 6),
                "down": figure(margin.down, 6),
            }
            for margin in explanation.margins
        },
        "instances": [_instance(entry) for entry in explanation.instances],
        "candidate": None if explanation.candidate is None else _candidate(explanation.candidate),
        "conditions": [
            {"type": entry.kind, "status": entry.status, "reason": entry.reason, "since": rfc3339(entry.since)}
            for entry in explanation.conditions
        ],
        "outlook": None if explanation.outlook is None else _outlook(explanation.outlook),
        "next_evaluation_seconds": figure(explanation.next_evaluation_seconds, 1),
    }


def verification_document(verification: Verification | None) -> Document | None:
    """Return what a policy file makes of a block's decisions."""
    if verification is None:
        return None
    first = verification.first_difference
    return {
        "file": verification.file_name,
        "file_sha256": verification.file_sha256,
        **{match.value.replace(" ", "_"): verification.count(match) for match in Match},
        "first_difference_seq": None if first is None else first.seq,
        "problem": verification.problem,
    }


def _stage(stage: Stage) -> Document:
    return {
        "name": stage.name.value,
        "met": stage.met,
        "decided": stage.decided,
        "together": stage.together,
        "comparisons": [_comparison(pair) for pair in stage.comparisons],
        "note": stage.note,
    }


def _comparison(pair: Comparison) -> Document:
    return {
        "name": pair.name,
        "value": figure(pair.value, 6),
        "sign": pair.sign,
        "limit": figure(pair.limit, 6),
        "unit": pair.unit,
        "parameter": pair.parameter,
        "met": pair.met,
    }


def _instance(entry: InstanceInput) -> Document:
    return {
        "instance_id": entry.instance_id,
        "input": figure(entry.input_size, 6),
        "output": figure(entry.output_size, 6),
        "input_tokens_per_minute": figure(entry.input_rate),
        "output_tokens_per_minute": figure(entry.output_rate),
        "queue": figure(entry.queue),
        "sessions": figure(entry.sessions),
        "age_seconds": figure(entry.age_seconds, 1),
        "status": entry.status,
    }


def _candidate(candidate: Candidate) -> Document:
    return {
        "instance_id": candidate.instance_id,
        "more": list(candidate.more),
        "removed": candidate.removed,
        "load": figure(candidate.load, 6),
        "among": candidate.among,
        "ties": candidate.ties,
        "origin": candidate.origin.value,
        "sentence": candidate_text(candidate),
    }


def _outlook(outlook: Outlook) -> Document:
    return {
        "sentence": outlook_sentence(outlook),
        "action": outlook.action.value,
        "blocked_by": outlook.blocked_by or None,
        "in_seconds": figure(outlook.in_seconds, 1),
        "cooldown_seconds": figure(outlook.cooldown_seconds, 1),
        "origin": outlook.origin.value,
        "input": {"now": figure(outlook.input_now), "trend_per_minute": figure(outlook.input_trend)},
        "output": {"now": figure(outlook.output_now), "trend_per_minute": figure(outlook.output_trend)},
    }
