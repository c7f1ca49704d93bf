"""Documents that are kept packed read as before."""

import pytest

from aios_top.model.packed import Packed, packed

RECORD = {"seq": 7, "instances": [{"id": "in-1", "input": 1.5, "queue": None}], "replicas": {"missing": ["ä\ud800"]}}


def test_a_packed_document_is_the_same_document():
    kept = packed(RECORD)
    assert isinstance(kept, Packed)
    assert kept == RECORD
    assert dict(kept) == RECORD
    assert kept["instances"][0]["input"] == 1.5
    assert kept.get("nothing") is None
    assert len(kept) == 3
    assert kept


def test_it_is_packed_once():
    kept = packed(RECORD)
    assert packed(kept) is kept


@pytest.mark.parametrize("document", [{}, {"set": {1, 2}}, {"deep": None}])
def test_what_cannot_be_packed_stays_as_it_is(document):
    if "deep" in document:
        inner = document
        for _ in range(100_000):
            inner["deep"] = {"deep": None}
            inner = inner["deep"]
    assert packed(document) is document
