"""TFX's `example_gen.utils`: examples from dicts, and the usual configs of ExampleGens."""

from collections.abc import Mapping
from typing import Any

from headrace_tfx.protos import example_gen_pb2

_PROTOS: Any = example_gen_pb2

PAYLOAD_FORMAT_PROPERTY_NAME = "payload_format"
FILE_FORMAT_PROPERTY_NAME = "file_format"
FINGERPRINT_PROPERTY_NAME = "input_fingerprint"
SPAN_PROPERTY_NAME = "span"
VERSION_PROPERTY_NAME = "version"


def dict_to_example(instance: Mapping[str, Any]) -> Any:
    """Returns a `tf.train.Example`.

    Args:
        instance: Features by name: a number, a text, bytes in UTF-8, a list or an array of these.
            Whatever is empty or zero becomes an empty feature, as in TFX.

    Raises:
        RuntimeError: A value is of another type.
    """
    import tensorflow as tf

    example = tf.train.Example()
    for name, value in instance.items():
        example.features.feature[name].CopyFrom(_feature(name, _plain(value)))
    return example


def make_default_input_config(split_pattern: str = "*") -> Any:
    """Returns an Input with one split for all files of a pattern."""
    split = _PROTOS.Input.Split(name="single_split", pattern=split_pattern)
    return _PROTOS.Input(splits=[split])


def make_default_output_config(input_config: Any) -> Any:
    """Returns an Output: two thirds `train` and one third `eval` of one split, else the input's."""
    if len(_splits(input_config)) > 1:
        return _PROTOS.Output()
    splits = [{"name": "train", "hash_buckets": 2}, {"name": "eval", "hash_buckets": 1}]
    return _PROTOS.Output(split_config=_PROTOS.SplitConfig(splits=splits))


def generate_output_split_names(input_config: Any, output_config: Any) -> list[str]:
    """Returns the names of the splits that an ExampleGen writes.

    Args:
        input_config: An Input, or a dict with its fields.
        output_config: An Output, or a dict with its fields.

    Raises:
        RuntimeError: There are no splits, or two of one name; a split lacks its name, pattern or
            buckets; or an output with splits has an input with several.
    """
    given = _splits(input_config)
    wanted = _splits(_field(output_config, "split_config"))
    if wanted and len(given) != 1:
        raise RuntimeError(
            f"the output config has splits, and the input config has {len(given)}, expected one"
        )
    names = []
    for split in wanted or given:
        name, size = _field(split, "name"), _field(split, "hash_buckets" if wanted else "pattern")
        if not name or not size or (isinstance(size, int) and size <= 0):
            needed = "hash_buckets above 0" if wanted else "a pattern"
            raise RuntimeError(f"a split is {split!r}, expected one with a name and {needed}")
        names.append(str(name))
    if not names or len(names) != len(set(names)):
        raise RuntimeError(f"the splits are {names}, expected different names, at least one")
    return names


def _splits(config: Any) -> list[Any]:
    return list(_field(config, "splits") or ())


def _field(config: Any, name: str) -> Any:
    return config.get(name) if isinstance(config, Mapping) else getattr(config, name, None)


def _plain(value: Any) -> Any:
    """Returns the value of an array or a scalar of NumPy as Python has it."""
    return value.tolist() if hasattr(value, "tolist") else value


def _feature(name: str, value: Any) -> Any:
    import tensorflow as tf

    values = list(value) if isinstance(value, list | tuple) else [value]
    if not value or not values:
        return tf.train.Feature()
    values = [each.decode("utf-8") if isinstance(each, bytes) else each for each in values]
    first = values[0]
    if isinstance(first, int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    if isinstance(first, float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    if isinstance(first, str):
        texts = [each.encode("utf-8") for each in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=texts))
    raise RuntimeError(
        f"the feature {name!r} is {value!r}, expected numbers, texts or lists of these"
    )
