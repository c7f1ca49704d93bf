"""The blocks and clusters databases: records as mongoose keeps and answers them."""

from typing import Any

from aios_top.testbed.document import Document
from aios_top.testbed.identity import Names
from aios_top.testbed.mongo.filter import MongoError, select
from aios_top.testbed.mongo.update import updated

BLOCK_FIELDS = frozenset(
    {
        "id", "componentUri", "component", "blockUri", "blockMetadata", "policies", "cluster", "blockInitData",
        "initSettings", "parameters", "minInstances", "maxInstances", "inputProtocol", "outputProtocol", "tags",
        "_id", "__v",
    }
)  # fmt: skip
"""What the block schema knows; mongoose drops every other field."""


class DuplicateIdError(Exception):
    """A record with this id is stored already."""


class MissingIdError(Exception):
    """A record without an id cannot be stored."""


class Records:
    """One collection of records with a unique `id`; records are replaced, never changed in place."""

    def __init__(self, names: Names, fields: frozenset[str] | None = None) -> None:
        """Keep only `fields` of what is stored, or everything when it is None."""
        self._records: dict[str, Document] = {}
        self._names = names
        self._fields = fields

    def all(self) -> list[Document]:
        """Return every record as it is answered."""
        return [minimized(record) for record in self._records.values()]

    def get(self, record_id: str) -> Document | None:
        """Return one record as it is answered, or None."""
        record = self._records.get(record_id)
        return None if record is None else minimized(record)

    def query(self, query: Any) -> list[Document]:
        """Return the records that fulfil a Mongo filter; raises MongoError."""
        return [minimized(record) for record in select(list(self._records.values()), query)]

    def insert(self, record: Document) -> Document:
        """Store a new record and return it as it is answered."""
        record_id = record.get("id")
        if not record_id:
            raise MissingIdError
        if record_id in self._records:
            raise DuplicateIdError(record_id)
        self._records[record_id] = self._known({**record, "_id": self._names.object_id(), "__v": 0})
        return minimized(self._records[record_id])

    def update(self, record_id: str, update: Document) -> Document | None:
        """Apply a Mongo update or plain fields and return the new record, or None when there is none."""
        record = self._records.get(record_id)
        if record is None:
            return None
        changed = self._known(updated(record, update))
        new_id = changed.get("id")
        if not isinstance(new_id, str) or (new_id != record_id and new_id in self._records):
            raise MongoError(f"the id {new_id!r} is not free or no text")
        self._records = {(new_id if key == record_id else key): value for key, value in self._records.items()}
        self._records[new_id] = changed
        return minimized(changed)

    def delete(self, record_id: str) -> bool:
        """Forget a record; tells whether there was one."""
        return self._records.pop(record_id, None) is not None

    def _known(self, record: Document) -> Document:
        return record if self._fields is None else {key: record[key] for key in record if key in self._fields}


def minimized(record: Document) -> Document:
    """Leave out empty objects at every depth outside arrays, as mongoose does with what it returns."""
    kept: Document = {}
    for key, value in record.items():
        answered = minimized(value) if isinstance(value, dict) else value
        if answered != {}:
            kept[key] = answered
    return kept
