"""A model as a page shows it: its signatures and files, read without TensorFlow."""

import json
import math
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.library.previews.blocks import (
    Block,
    Cell,
    cut,
    facts,
    note,
    section,
    size,
    table,
    text,
)
from headrace_components.library.previews.wire import Spec, decode

_SHAPE: Spec = {2: ("dim*", {1: ("size", "int")}), 3: ("unknown_rank", "bool")}
_TENSOR: Spec = {2: ("dtype", "int"), 3: ("shape", _SHAPE)}
_TENSORS: Spec = {1: ("key", "text"), 2: ("value", _TENSOR)}
_SIGNATURE: Spec = {1: ("inputs*", _TENSORS), 2: ("outputs*", _TENSORS), 3: ("method", "text")}
_VARIABLE: Spec = {1: ("dtype", "int"), 2: ("shape", _SHAPE), 3: ("trainable", "bool")}
_GRAPH: Spec = {
    1: ("meta", {4: ("tags*", "text"), 5: ("version", "text")}),
    5: ("signatures*", {1: ("key", "text"), 2: ("value", _SIGNATURE)}),
    7: ("objects", {1: ("nodes*", {7: ("variable", _VARIABLE)})}),
}
_SAVED_MODEL: Spec = {2: ("graphs*", _GRAPH)}

# tensorflow/core/framework/types.proto
_DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string",
    8: "complex64", 9: "int64", 10: "bool", 14: "bfloat16", 17: "uint16", 18: "complex128",
    19: "float16", 20: "resource", 21: "variant", 22: "uint32", 23: "uint64",
}  # fmt: skip

_MAX_EXAMPLES = 5
_MAX_SAMPLE = 64

# These initialize tables and must not be called.
_PRIVATE = "__"


def read_model(path: Path) -> list[Block]:
    """Returns the sections of a Model or PushedModel artifact.

    Raises:
        InputError: Its SavedModel is damaged.
    """
    files = list(_saved_models(path))
    sections = [block for file in files for block in _saved_model(file, path)]
    for file in sorted(path.glob("**/*.tflite"))[:5]:
        sections += _lite_model(file)
    if not sections:
        words = "It has no SavedModel. Its files are listed below."
        sections.append(section("Model", note(words, "warn")))
    return sections


def compare_models(before: Path, after: Path) -> list[Block]:
    """Returns the sections on what differs between two models."""
    olds, news = _figures(before), _figures(after)
    names = list(dict.fromkeys([*news, *olds]))
    rows: list[list[Cell]] = [
        [cut(name), olds.get(name), news.get(name)]
        for name in names
        if olds.get(name) != news.get(name)
    ]
    if not rows:
        words = "Both have the same signatures and the same number of parameters."
        return [section("Model", note(words, "good"))]
    return [section("Model", table("Differences of the models", ("what", "before", "after"), rows))]


def _saved_models(path: Path) -> Iterator[Path]:
    place = path.resolve()
    for pattern in ("saved_model.pb", "*/saved_model.pb", "*/export/*/*/saved_model.pb"):
        for file in sorted(path.glob(pattern)):
            if file.is_file() and file.resolve().is_relative_to(place):
                yield file


def _saved_model(file: Path, path: Path) -> list[Block]:
    name = str(file.parent.relative_to(path))
    place = "" if name == "." else f" in {name}"
    variables = sum(each.stat().st_size for each in file.parent.glob("variables/*"))
    sections = []
    for graph in _read(file)["graphs"]:
        meta = graph["meta"] or {"tags": [], "version": None}
        general: list[tuple[str, Cell]] = [
            ("Tags", ", ".join(meta["tags"]) or None),
            ("TensorFlow", meta["version"]),
            ("Parameters", _parameters(graph)),
            ("Graph", size(file.stat().st_size)),
            ("Variables", size(variables)),
        ]
        rows: list[list[Cell]] = []
        for signature, found in _signatures(graph).items():
            for port in ("inputs", "outputs"):
                rows += [
                    [cut(signature), port.removesuffix("s"), cut(key), tensor]
                    for key, tensor in found[port].items()
                ]
        columns = ("signature", "", "name", "type and shape")
        blocks = [facts(general)]
        blocks.append(
            table("Signatures", columns, rows)
            if rows
            else note("It has no signature that a server could call.", "warn")
        )
        sections.append(section(f"SavedModel{place}", *blocks))
        if rows:
            sections.append(section("Serving", text("Commands", serving_text(file.parent, graph))))
    return sections


def serving_text(folder: Path, graph: Mapping[str, Any]) -> str:
    """Returns commands that serve a model and ask it: a line for each signature."""
    lines = [f"headrace serve {shlex.quote(str(folder))} --name model"]
    for name, signature in list(_signatures(graph).items())[:_MAX_EXAMPLES]:
        instance = {key: _sample(tensor) for key, tensor in signature["inputs"].items()}
        body = json.dumps({"signature_name": name, "instances": [instance]}, ensure_ascii=False)
        address = "http://localhost:8501/v1/models/model:predict"
        lines.append(f"curl {address} -d {shlex.quote(body)}")
    return "\n".join(lines)


def _sample(tensor: str) -> Any:
    """Returns a value of the type and shape of a tensor, for one row."""
    kind, _, shape = tensor.partition(" (")
    value: Any = {"b64": "..."} if kind == "string" else "..."
    if kind.startswith(("float", "bfloat")):
        value = 0.0
    elif kind.startswith(("int", "uint")):
        value = 0
    sizes = [size for size in shape.removesuffix(")").split(", ")[1:] if size]
    if math.prod(int(size) if size.isdecimal() else 1 for size in sizes) > _MAX_SAMPLE:
        return "..."
    for each in reversed(sizes):
        value = [value] * (int(each) if each.isdecimal() else 1)
    return value


def _read(file: Path) -> dict[str, Any]:
    try:
        return decode(file.read_bytes(), _SAVED_MODEL)
    except ValueError as error:
        raise InputError(
            f"{file} is not a SavedModel: {error}. Copy it again, or train it again."
        ) from error


def _signatures(graph: Mapping[str, Any]) -> dict[str, dict[str, dict[str, str]]]:
    """Returns inputs and outputs of each signature that can be called, by name."""
    found = {}
    for entry in sorted(graph["signatures"], key=lambda each: each["key"] or ""):
        name, value = entry["key"] or "", entry["value"]
        if value and not name.startswith(_PRIVATE):
            found[name] = {port: _tensors(value[port]) for port in ("inputs", "outputs")}
    return found


def _tensors(entries: list[dict[str, Any]]) -> dict[str, str]:
    return {
        entry["key"] or "": _tensor(entry["value"] or {})
        for entry in sorted(entries, key=lambda each: each["key"] or "")
    }


def _tensor(info: Mapping[str, Any]) -> str:
    kind = _DTYPES.get(info.get("dtype") or 0, f"type {info.get('dtype')}")
    shape = info.get("shape")
    if shape is None or shape["unknown_rank"]:
        return f"{kind}, any shape"
    sizes = ["any" if dim["size"] == -1 else str(dim["size"] or 0) for dim in shape["dim"]]
    return f"{kind} ({', '.join(sizes)})" if sizes else kind


def _parameters(graph: Mapping[str, Any]) -> int | None:
    """Returns the number of values that training changes; None if the file does not say."""
    counts = [
        math.prod(max(dim["size"] or 0, 0) for dim in variable["shape"]["dim"])
        for node in (graph["objects"] or {"nodes": []})["nodes"]
        if (variable := node["variable"]) and variable["trainable"] and variable["shape"]
    ]
    return sum(counts) if counts else None


def _figures(path: Path) -> dict[str, Cell]:
    found: dict[str, Cell] = {}
    for file in _saved_models(path):
        for graph in _read(file)["graphs"]:
            found["Parameters"] = _parameters(graph)
            for name, signature in _signatures(graph).items():
                for port, tensors in signature.items():
                    for key, tensor in tensors.items():
                        found[f"{name}, {port.removesuffix('s')} {key}"] = tensor
    total = sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    return {**found, "Size": size(total)}


def _lite_model(file: Path) -> list[Block]:
    blocks = [facts([("File", file.name), ("Size", size(file.stat().st_size))])]
    described = file.parent / "signature.json"
    if described.is_file():
        try:
            content = json.loads(described.read_text("utf-8"))
        except (ValueError, RecursionError):
            content = {}
        rows: list[list[Cell]] = []
        for port in ("inputs", "outputs"):
            part = content.get(port) if isinstance(content, dict) else None
            for name, value in part.items() if isinstance(part, dict) else ():
                rows.append([port.removesuffix("s"), cut(str(name)), _lite_tensor(value)])
        if rows:
            blocks.append(table("Signature", ("", "name", "type and shape"), rows))
    return [section("TF Lite model", *blocks)]


def _lite_tensor(value: Any) -> str:
    if not isinstance(value, dict):
        return cut(str(value))
    shape = value.get("shape")
    sizes = (
        ["any" if each is None else str(each) for each in shape] if isinstance(shape, list) else []
    )
    return cut(f"{value.get('dtype', '')} ({', '.join(sizes)})")
