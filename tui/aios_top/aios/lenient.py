"""Field types that the wire schemas share: what they accept, and what becomes of the rest."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler
from pydantic import WrapValidator as Wrap

from aios_top.model.text import Clean, clean


class Wire(BaseModel):
    """What AIOS sends: nothing is coerced, unknown keys are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False, frozen=True)


def _none_if_unusable(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Treat one field of the wrong type as absent: the record's other fields are still good."""
    try:
        return validate(value)
    except ValidationError:
        return None


def _empty_unless(kind: type) -> Callable[[Any], Any]:
    return lambda value: value if isinstance(value, kind) else kind()


T = TypeVar("T")
Lenient = Annotated[T | None, Wrap(_none_if_unusable)]
"""The value, or None when it is absent or of another type."""
Object = Annotated[dict[str, Any], BeforeValidator(_empty_unless(dict)), Field(default_factory=dict)]
"""A JSON object; AIOS's block records leave empty ones out."""
Array = Annotated[list[Any], BeforeValidator(_empty_unless(list)), Field(default_factory=list)]
Id = Annotated[str, Field(min_length=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(allow_inf_nan=False, ge=0)]


def cleaned(text: str | None, limit: int | None = None) -> Clean | None:
    """Return a text that is neither absent nor empty as one safe line."""
    if not text:
        return None
    return clean(text) if limit is None else clean(text, limit)
