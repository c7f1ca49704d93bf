"""The one shape that everything on AIOS's wire has."""

from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]
"""A JSON object as a service stores or answers it."""
