"""Locations that TensorFlow opens on workers."""

import pytest

from headrace_components.contract.errors import InputError, named
from headrace_components.library.beam.tensorflow_files import checked


@pytest.mark.parametrize("location", ["gs://bucket/model", "/data/model"])
def test_a_location_that_tensorflow_opens_is_taken(location: str) -> None:
    assert checked(location) == location


def test_one_that_only_beam_opens_is_refused() -> None:
    message = r"evaluator: with .*TensorFlow opens s3://bucket/model .*no file system for s3://"
    with pytest.raises(InputError, match=message), named("evaluator"):
        checked("s3://bucket/model")
