"""The names of classes, from the vocabulary that a model carries."""

from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from headrace_components.contract.task import Artifact
from headrace_components.evaluator.class_names import class_names

SPECIES = ("Gentoo", "Adelie", "Chinstrap")


def schema(text: str) -> schema_pb2.Schema:
    return text_format.Parse(text, schema_pb2.Schema())


INLINE = schema(
    'feature { name: "species" type: BYTES '
    'string_domain { value: "Adelie" value: "Chinstrap" value: "Gentoo" } }'
)
SHARED = schema(
    'string_domain { name: "kinds" value: "Adelie" value: "Chinstrap" value: "Gentoo" }'
    'feature { name: "species" type: BYTES domain: "kinds" }'
)


def model(path: Path, **vocabularies: bytes) -> Artifact:
    assets = path / "Format-Serving/assets"
    assets.mkdir(parents=True)
    for name, content in vocabularies.items():
        (assets / name).write_bytes(content)
    return Artifact(key="model", name="", path=path, uri=str(path))


def lines(*values: str) -> bytes:
    return "".join(f"{value}\n" for value in values).encode()


@pytest.mark.parametrize("declared", [INLINE, SHARED])
def test_classes_are_named_by_the_vocabulary_of_the_label(
    tmp_path: Path, declared: schema_pb2.Schema
) -> None:
    found = model(tmp_path, island=lines("Biscoe", "Dream"), species=lines(*SPECIES))

    assert class_names(found, declared, "species") == SPECIES


def test_a_label_that_the_model_makes_has_the_values_of_its_column(tmp_path: Path) -> None:
    found = model(tmp_path, species=lines(*SPECIES))

    assert class_names(found, INLINE, "species_xf") == SPECIES
    assert class_names(found, INLINE, "specie") == ()
    longer = schema(
        'feature { name: "spec" type: BYTES string_domain { value: "a" value: "b" } }'
        'feature { name: "species" type: BYTES '
        'string_domain { value: "Adelie" value: "Chinstrap" value: "Gentoo" } }'
    )
    assert class_names(found, longer, "species_xf") == SPECIES


def test_a_vocabulary_without_a_last_line_end_counts(tmp_path: Path) -> None:
    found = model(tmp_path, any_name=lines(*SPECIES).rstrip(b"\n"))

    assert class_names(found, INLINE, "species") == SPECIES


def test_two_orders_of_the_same_values_leave_it_open(tmp_path: Path) -> None:
    found = model(tmp_path, mother=lines(*SPECIES[::-1]), species=lines(*SPECIES))

    assert class_names(found, INLINE, "species") == ()


@pytest.mark.parametrize(
    "content", [lines("Gentoo", "Adelie"), lines(*SPECIES, "Emperor"), b"\xff\xfe", b""]
)
def test_other_values_name_no_classes(tmp_path: Path, content: bytes) -> None:
    assert class_names(model(tmp_path, species=content), INLINE, "species") == ()


def test_without_a_model_a_schema_or_a_domain_classes_are_numbers(tmp_path: Path) -> None:
    found = model(tmp_path, species=lines(*SPECIES))

    assert class_names(None, INLINE, "species") == ()
    assert class_names(found, None, "species") == ()
    assert class_names(found, INLINE, "island") == ()
    assert class_names(found, schema('feature { name: "species" type: INT }'), "species") == ()
