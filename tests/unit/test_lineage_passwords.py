"""No password gets into a lineage store."""

from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from headrace.lineage.local_store.messages import set_value


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        ("postgresql://reader:hunter2@host/rides", "postgresql://reader:***@host/rides"),
        ({"url": "mysql://:hunter2@host"}, '{"url": "mysql://:***@host"}'),
        ("postgresql://reader:${PASSWORD}@host/x", "postgresql://reader:${PASSWORD}@host/x"),
        ("http://host:80/a@b", "http://host:80/a@b"),
        ("gs://bucket/key", "gs://bucket/key"),
        ("a: b@c", "a: b@c"),
    ],
)
def test_a_password_in_a_url_is_not_recorded(value: Any, recorded: str) -> None:
    execution = pb.Execution()

    set_value(execution.custom_properties, "url", value)

    assert execution.custom_properties["url"].string_value == recorded
