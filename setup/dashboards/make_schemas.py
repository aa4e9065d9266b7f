"""Write schemas/grafana.json: Grafana's own types of dashboards and alerts, as a JSON schema.

    pip download --no-deps "grafana-foundation-sdk==1769699379!11.6.0" && unzip -q -d sdk *.whl
    python -m setup.dashboards.make_schemas sdk/grafana_foundation_sdk/models

The package is Grafana's (Apache License 2.0), generated from Grafana's sources. Its classes say
which keys an object may and must have, and of which type. They are read as text, not imported.
"""

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).with_name("schemas") / "grafana.json"
SOURCE = "grafana-foundation-sdk 1769699379!11.6.0, grafana_foundation_sdk/models, Apache-2.0"
MODULES = (
    "dashboard",
    "alerting",
    "common",
    "timeseries",
    "stat",
    "table",
    "statetimeline",
    "statushistory",
)
ROOTS = ("dashboard.Dashboard", "alerting.Rule", "alerting.NotificationPolicy")
PLAIN = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
# What Grafana takes and the package does not know.
KEEP_LAST = ("exec_err_state", "no_data_state")  # documented since Grafana 11
ANY_QUERY = {"dashboard.AnnotationTarget": {"type": "object"}}  # "should be a normal query target"

Schema = dict[str, Any]


def main(folder: Path) -> None:
    """Write the schema of all classes that the roots and the panels' options need."""
    definitions = dict(ANY_QUERY)
    for module in MODULES:
        tree = ast.parse((folder / f"{module}.py").read_text(encoding="utf-8"))
        for name, schema in _definitions(tree, module):
            definitions.setdefault(f"{module}.{name}", schema)
    roots = [*ROOTS, *(n for n in definitions if n.endswith((".Options", ".FieldConfig")))]
    needed = _needed(definitions, roots)
    document = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": f"Made by setup/dashboards/make_schemas.py from {SOURCE}",
        "definitions": {name: definitions[name] for name in sorted(needed)},
    }
    SCHEMA.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


def _definitions(tree: ast.Module, module: str) -> Iterator[tuple[str, Schema]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name, _of_class(node, module)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, _of_type(node.value, module)


def _of_class(node: ast.ClassDef, module: str) -> Schema:
    if any("Enum" in ast.unparse(base) for base in node.bases):
        return {
            "enum": [
                ast.literal_eval(line.value) for line in node.body if isinstance(line, ast.Assign)
            ]
        }
    fields = {
        line.target.id: line.annotation
        for line in node.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }
    required, optional = _keys(node)
    types = {key: _of_field(fields, name, module) for key, name in {**optional, **required}.items()}
    for key, name in required.items():
        if ast.unparse(fields[name]).startswith("typing.Optional"):
            types[key] = {"anyOf": [types[key], {"type": "null"}]}
    schema = {"type": "object", "additionalProperties": False, "properties": types}
    return schema | ({"required": sorted(required)} if required else {})


def _of_field(fields: dict[str, ast.expr], name: str, module: str) -> Schema:
    schema = _of_type(fields[name], module)
    return {"enum": [*schema["enum"], "KeepLast"]} if name in KEEP_LAST else schema


def _keys(node: ast.ClassDef) -> tuple[dict[str, str], dict[str, str]]:
    """JSON key → attribute: the keys that `to_json` always writes, and the others."""
    required: dict[str, str] = {}
    optional: dict[str, str] = {}
    methods = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "to_json"]
    for line in (line for method in methods for line in ast.walk(method)):
        if isinstance(line, ast.Dict):
            pairs = zip(line.keys, line.values, strict=True)
            required |= {ast.literal_eval(key): value.attr for key, value in pairs}
        elif isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Subscript):
            optional[ast.literal_eval(line.targets[0].slice)] = line.value.attr
    return required, optional


def _of_type(node: ast.expr, module: str) -> Schema:
    if isinstance(node, ast.Constant):  # 'Name', of the same module
        return {"$ref": f"#/definitions/{module}.{node.value}"}
    if isinstance(node, ast.Name):
        return {"type": PLAIN[node.id]} if node.id in PLAIN else {}
    if isinstance(node, ast.Subscript):
        return _of_generic(node, module)
    name = ast.unparse(node)
    other = name.partition(".")[0]
    return {"$ref": f"#/definitions/{name}"} if other in MODULES else {}


def _of_generic(node: ast.Subscript, module: str) -> Schema:
    outer = ast.unparse(node.value).removeprefix("typing.")
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if outer == "Literal":
        return {"enum": [ast.literal_eval(part) for part in parts]}
    inner = [_of_type(part, module) for part in parts]
    if outer == "list":
        return {"type": "array", "items": inner[0]}
    if outer == "dict":
        return {"type": "object", "additionalProperties": inner[1]}
    return inner[0] if outer == "Optional" else {"anyOf": inner}


def _needed(definitions: dict[str, Schema], roots: list[str]) -> set[str]:
    found: set[str] = set()
    waiting = [name for name in roots if name in definitions]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            text = json.dumps(definitions.setdefault(name, {}))
            waiting += [part.partition('"')[0] for part in text.split("#/definitions/")[1:]]
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
