"""The policy registry: a plain list, so that the same uri can be stored twice, as in AIOS."""

from typing import Any

from aios_top.testbed.document import Document
from aios_top.testbed.mongo.filter import select

FIELDS = (
    "name", "version", "release_tag", "metadata", "tags", "code", "code_type", "type",
    "policy_input_schema", "policy_output_schema", "policy_settings_schema", "policy_parameters_schema",
    "policy_settings", "policy_parameters", "description", "functionality_data", "resource_estimates",
)  # fmt: skip
"""Every one is required; the registry checks that they are there and never of which type."""


class Registry:
    """The stored policy records, oldest first."""

    def __init__(self) -> None:
        self._records: list[Document] = []

    def create(self, body: Any) -> None:
        """Store a record, even when its uri is stored already; raises KeyError for the first missing field."""
        self._records.append(_record(body))

    def get(self, uri: str) -> Document | None:
        """Return the first record with this uri, or None."""
        index = self._index(uri)
        return None if index is None else self._records[index]

    def replace(self, uri: str, body: Any) -> bool:
        """Replace the first record with this uri, also by one of another uri; tells whether there was one."""
        record = _record(body)
        index = self._index(uri)
        if index is None:
            return False
        self._records[index] = record
        return True

    def delete(self, uri: str) -> bool:
        """Forget the first record with this uri; tells whether there was one."""
        index = self._index(uri)
        if index is None:
            return False
        del self._records[index]
        return True

    def query(self, query: Any) -> list[Document]:
        """Return the records that fulfil a Mongo filter; raises MongoError."""
        return select(self._records, query)

    def _index(self, uri: str) -> int | None:
        return next((i for i, record in enumerate(self._records) if record["policy_rule_uri"] == uri), None)


def _record(body: Any) -> Document:
    """Keep the known fields and compute the uri; a uri in the body is ignored."""
    record = {field: body[field] for field in FIELDS}
    record["policy_rule_uri"] = f"{record['name']}:{record['version']}-{record['release_tag']}"
    return record
