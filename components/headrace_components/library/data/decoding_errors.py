"""Explains errors in records that tfx_bsl cannot decode. Standard library only."""

import re

from headrace_components.contract.errors import InputError

_WRONG_TYPE = re.compile(r'expected (\w+), found (\w+) for (?:\w+ )?feature "(.*)"')
_KINDS = {
    "int64_list": "whole numbers (int64_list)",
    "float_list": "decimals (float_list)",
    "bytes_list": "text (bytes_list)",
}


def undecodable(where: str, kind: str, payload_format: str, error: Exception) -> InputError:
    """Returns the error for records that cannot be decoded.

    Args:
        where: The records, such as "/data/part-0, records 0 to 99".
        kind: The expected type, such as "tf.Examples".
        payload_format: The expected format of the records.
        error: The exception from tfx_bsl.
    """
    mixed = _WRONG_TYPE.search(str(error))
    if mixed is None:
        return InputError(
            f"{where}: not all are {kind} ({error}). Connect examples whose payload "
            f"format is {payload_format}."
        )
    first, second, name = mixed.groups()
    return InputError(
        f"{where}: feature {name!r} holds {_KINDS.get(first, first)} in some rows and "
        f"{_KINDS.get(second, second)} in others, expected one type in all. Give it one type where "
        "the examples are made, for example by `column_types` of csv_example_gen or a cast in the "
        "source."
    )
