"""The files that an input configuration of TFX means, of one span."""

import json
from typing import Any

from headrace_components.contract import reading
from headrace_components.contract.reading import MESSAGE
from headrace_components.library.sources import configs
from headrace_components.library.sources.files import check_directory, find_files
from headrace_components.library.sources.spans import resolve, without_placeholders


def resolved(base: str, input_config: str, range_config: Any) -> dict[str, Any]:
    """Returns the files to read.

    Args:
        base: Directory or URI under which the patterns lie.
        input_config: `tfx.proto.Input` as JSON text.
        range_config: `tfx.proto.RangeConfig` as JSON text, or None.

    Returns:
        `input_config` with patterns whose placeholders for span and version have their values,
        `span`, `version` (None without one) and `input_fingerprint`.

    Raises:
        InputError: A pattern is not valid or matches nothing, or splits differ in their span.
    """
    given = reading.read(configs.InputConfig, json.loads(input_config), "input_config", MESSAGE)
    ranges = json.loads(range_config) if range_config else {}
    wanted = reading.read(configs.RangeConfig, ranges, "range_config", MESSAGE)
    check_directory(base)
    splits = configs.input_splits(given)
    found = resolve(base, splits, configs.only_span(wanted, -1), find_files(base))
    patterns = [
        {
            "name": split.name,
            "pattern": without_placeholders(base, split, found.files[split.name][0]),
        }
        for split in splits
    ]
    return {
        "input_config": json.dumps({"splits": patterns}),
        "span": found.span,
        "version": found.version,
        "input_fingerprint": found.fingerprint,
    }
