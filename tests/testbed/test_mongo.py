"""The query language: each operator AIOS's readers use, and the errors for those it does not know."""

import pytest

from aios_top.testbed.mongo.filter import MongoError, matches
from aios_top.testbed.mongo.pipeline import aggregate
from aios_top.testbed.mongo.update import updated

DOCUMENT = {
    "id": "a",
    "n": 5,
    "flag": True,
    "none": None,
    "cluster": {"id": "c-1"},
    "tags": ["x", "y"],
    "instances": [{"id": "in-1", "rate": 10}, {"id": "in-2", "rate": 20}, {"id": "executor"}],
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, True),
        ({"id": "a"}, True),
        ({"id": "b"}, False),
        ({"cluster.id": "c-1"}, True),
        ({"cluster": {"id": "c-1"}}, True),
        ({"tags": "x"}, True),
        ({"tags": ["x", "y"]}, True),
        ({"tags": "z"}, False),
        ({"tags.1": "y"}, True),
        ({"instances.id": "in-2"}, True),
        ({"instances.rate": {"$gt": 15}}, True),
        ({"instances.rate": {"$gt": 25}}, False),
        ({"n": {"$gte": 5, "$lt": 6}}, True),
        ({"n": {"$gt": "1"}}, False),
        ({"n": 5.0}, True),
        ({"flag": 1}, False),
        ({"id": {"$in": ["b", "a"]}}, True),
        ({"id": {"$nin": ["b", "a"]}}, False),
        ({"id": {"$ne": "a"}}, False),
        ({"absent": None}, True),
        ({"none": None}, True),
        ({"id": None}, False),
        ({"absent": {"$exists": False}}, True),
        ({"none": {"$exists": True}}, True),
        ({"id": {"$regex": "^A", "$options": "i"}}, True),
        ({"id": {"$regex": "^A"}}, False),
        ({"n": {"$not": {"$gt": 6}}}, True),
        ({"tags": {"$size": 2}}, True),
        ({"tags": {"$all": ["y", "x"]}}, True),
        ({"instances": {"$elemMatch": {"id": "in-1", "rate": {"$lt": 11}}}}, True),
        ({"instances": {"$elemMatch": {"id": "in-1", "rate": 20}}}, False),
        ({"$or": [{"id": "b"}, {"n": 5}]}, True),
        ({"$and": [{"id": "a"}, {"n": 6}]}, False),
        ({"$nor": [{"id": "b"}]}, True),
    ],
)
def test_filters(query, expected):
    assert matches(DOCUMENT, query) is expected


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"$bogus": 1}, r"unknown top level operator: \$bogus"),
        ({"id": {"$bogus": 1}}, r"unknown operator: \$bogus"),
        ({"id": {"$in": "a"}}, r"\$in needs an array"),
        ({"$or": []}, "nonempty array"),
        ({"id": {"$regex": "("}}, "valid regular expression"),
        ([], "filter must be"),
    ],
)
def test_a_filter_that_is_none_is_refused_by_name(query, words):
    with pytest.raises(MongoError, match=words):
        matches(DOCUMENT, query)


@pytest.mark.parametrize(
    ("update", "changed"),
    [
        ({"$set": {"cluster.id": "c-2"}}, {"cluster": {"id": "c-2"}}),
        ({"$set": {"new.deep": 1}}, {"new": {"deep": 1}}),
        ({"$unset": {"n": ""}}, {"n": None}),
        ({"$inc": {"n": 2}}, {"n": 7}),
        ({"n": 9}, {"n": 9}),
    ],
)
def test_updates(update, changed):
    after = updated(DOCUMENT, update)
    assert {key: after.get(key) for key in changed} == changed
    assert DOCUMENT["n"] == 5
    assert DOCUMENT["cluster"] == {"id": "c-1"}


@pytest.mark.parametrize("update", [{"$bogus": {"a": 1}}, {"$set": 3}, {"$set": {"id.deep": 1}}, {"$inc": {"id": 1}}])
def test_an_update_that_is_none_is_refused(update):
    with pytest.raises(MongoError):
        updated(DOCUMENT, update)


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ([{"$project": {"id": 1}}], [{"id": "a"}]),
        ([{"$project": {"n": "$cluster.id", "_id": 0}}], [{"n": "c-1"}]),
        (
            # The inclusion that a console sends: the same fields of every member of an array.
            [{"$project": {"id": 1, "instances.id": 1, "instances.rate": 1}}],
            [{"id": "a", "instances": [{"id": "in-1", "rate": 10}, {"id": "in-2", "rate": 20}, {"id": "executor"}]}],
        ),
        ([{"$project": {"instances": {"rate": 1}}}], [{"instances": [{"rate": 10}, {"rate": 20}, {}]}]),
        ([{"$project": {"tags.deep": 1, "id": 1}}], [{"id": "a", "tags": []}]),
        ([{"$project": {"id.deep": 1, "n": 1}}], [{"n": 5}]),
        ([{"$project": {"ids": "$instances.id"}}], [{"ids": ["in-1", "in-2", "executor"]}]),
        ([{"$project": {"count": {"$size": "$instances"}}}], [{"count": 3}]),
        ([{"$project": {"out.of": "$n"}}], [{"out": {"of": 5}}]),
        ([{"$project": {"instances": 0, "tags": 0, "cluster": 0, "flag": 0, "none": 0}}], [{"id": "a", "n": 5}]),
        (
            [{"$unwind": "$instances"}, {"$project": {"i": "$instances.id", "r": "$instances.rate"}}],
            [{"i": "in-1", "r": 10}, {"i": "in-2", "r": 20}, {"i": "executor"}],
        ),
        ([{"$unwind": "$absent"}], []),
        ([{"$unwind": {"path": "$absent", "preserveNullAndEmptyArrays": True}}, {"$count": "n"}], [{"n": 1}]),
        (
            [
                {"$unwind": "$instances"},
                {"$sort": {"instances.rate": -1}},
                {"$limit": 1},
                {"$project": {"instances": 1}},
            ],
            [{"instances": {"id": "in-2", "rate": 20}}],
        ),
        ([{"$unwind": "$tags"}, {"$skip": 1}, {"$project": {"tags": 1}}], [{"tags": "y"}]),
        (
            [
                {"$unwind": "$instances"},
                {"$group": {"_id": "$id", "sum": {"$sum": "$instances.rate"}, "mean": {"$avg": "$instances.rate"}}},
            ],
            [{"_id": "a", "sum": 30, "mean": 15}],
        ),
        ([{"$match": {"id": "b"}}], []),
        ([{"$addFields": {"twice": "$n"}}, {"$project": {"twice": 1}}], [{"twice": 5}]),
    ],
)
def test_pipelines(stages, expected):
    assert aggregate([DOCUMENT], stages) == expected


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([{"$bogus": 1}], r"Unrecognized pipeline stage name: '\$bogus'"),
        ([{"$project": {"x": {"$bogus": 1}}}], r"Unrecognized expression '\$bogus'"),
        ([{"$project": {"id": 1, "n": 0}}], "cannot mix"),
        ([{"$project": {"a": 1, "a.b": 1}}], "Path collision"),
        ([{"$project": {}}], "at least one field"),
        ([{"$limit": 0}], "positive"),
        ([{"$sort": {"a": 2}}], "ordering"),
        ([{"$unwind": "id"}], "prefixed"),
        ([{"$group": {"n": {"$sum": 1}}}], "_id"),
        ([{"$match": {}, "$limit": 1}], "exactly one field"),
        ({"$match": {}}, "must be a list"),
    ],
)
def test_a_pipeline_that_is_none_is_refused_by_name(stages, words):
    with pytest.raises(MongoError, match=words):
        aggregate([DOCUMENT], stages)
