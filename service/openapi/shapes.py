"""Parts that every schema is made of."""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
ANY_OBJECT: Schema = {"type": "object"}


def ref(name: str) -> Schema:
    """A reference to the component `name`."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(required: dict[str, Schema], **optional: Schema) -> Schema:
    """An object with these properties, and perhaps others."""
    return {
        "type": "object",
        "required": list(required),
        "properties": required | optional,
    }


def list_of(items: Schema) -> Schema:
    """An array."""
    return {"type": "array", "items": items}


def nullable(schema: Schema) -> Schema:
    """The schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}
