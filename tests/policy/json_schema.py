"""As much of JSON Schema as the registration record uses; an unknown keyword is an error, not a pass."""

ANNOTATIONS = {"description", "default"}
TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "integer": lambda v: isinstance(v, int | float) and not isinstance(v, bool) and v == v // 1,
}
KEYWORDS = {
    "type": lambda v, want: any(TYPES[name](v) for name in ([want] if isinstance(want, str) else want)),
    "const": lambda v, want: v == want and isinstance(v, bool) == isinstance(want, bool),
    "enum": lambda v, want: v in want,
    "minimum": lambda v, want: not TYPES["number"](v) or v >= want,
    "maximum": lambda v, want: not TYPES["number"](v) or v <= want,
    "exclusiveMinimum": lambda v, want: not TYPES["number"](v) or v > want,
    "minLength": lambda v, want: not isinstance(v, str) or len(v) >= want,
    "maxLength": lambda v, want: not isinstance(v, str) or len(v) <= want,
    "minItems": lambda v, want: not isinstance(v, list) or len(v) >= want,
    "maxItems": lambda v, want: not isinstance(v, list) or len(v) <= want,
    "uniqueItems": lambda v, want: not (want and isinstance(v, list)) or all(v.count(item) == 1 for item in v),
    "minProperties": lambda v, want: not isinstance(v, dict) or len(v) >= want,
    "items": lambda v, want: not isinstance(v, list) or all(accepts(want, item) for item in v),
    "required": lambda v, want: not isinstance(v, dict) or set(want) <= set(v),
    "properties": lambda v, want: not isinstance(v, dict) or all(accepts(s, v[k]) for k, s in want.items() if k in v),
    "oneOf": lambda v, want: sum(accepts(s, v) for s in want) == 1,
}


def accepts(schema, value):
    """Whether a value fits a schema."""
    closed = schema.get("additionalProperties") is False
    if closed and isinstance(value, dict) and not set(value) <= set(schema["properties"]):
        return False
    keywords = set(schema) - ANNOTATIONS - {"additionalProperties"}
    return all(KEYWORDS[word](value, schema[word]) for word in sorted(keywords))
