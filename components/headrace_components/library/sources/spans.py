"""Finds the files that input patterns name: spans, versions, fingerprint. Standard library only.

A span is a numbered slice of the data, usually of one day; a version is one of several deliveries
of it. `{SPAN}` and `{VERSION}` stand for digits, `{SPAN:8}` for eight digits. `{YYYY}`, `{MM}` and
`{DD}` together stand for a date, whose span is its number of days since 1970-01-01.
"""

import datetime
import glob
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace_components.contract.errors import InputError
from headrace_components.library.sources.configs import InputSplit

_EPOCH = datetime.date(1970, 1, 1)
_SPEC = re.compile(r"\{(SPAN|VERSION|YYYY|MM|DD)(?::([^}]*))?\}")
_DATE_WIDTHS = {"YYYY": 4, "MM": 2, "DD": 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """A file that was found.

    Attributes:
        path: Path or URI.
        size_bytes: Its size.
        modified_seconds: Time of its last change, in whole seconds since the epoch.
    """

    path: str
    size_bytes: int
    modified_seconds: int


FindFiles = Callable[[str, str], list[SourceFile]]
"""Returns files under a directory or URI that a glob may match, sorted by path."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedInput:
    """The input to read.

    Attributes:
        span: Number of the span; 0 if the patterns have none.
        version: Version of the span, or None if the patterns have none.
        files: Paths by input split, sorted; each split has at least one.
        fingerprint: One line per split, in the form of `tfx.utils.io_utils.generate_fingerprint`.
    """

    span: int
    version: int | None
    files: dict[str, tuple[str, ...]]
    fingerprint: str


def local_files(base: str, pattern: str) -> list[SourceFile]:
    """Returns the regular files under a directory that a glob matches, hidden ones left out."""
    found = []
    for path in sorted(glob.glob(_joined(glob.escape(base), pattern))):  # noqa: PTH207  Path.glob takes no absolute pattern
        if Path(path).is_file():
            status = Path(path).stat()
            found.append(
                SourceFile(
                    path=path,
                    size_bytes=status.st_size,
                    modified_seconds=status.st_mtime_ns // 1_000_000_000,
                )
            )
    return found


def resolve(
    input_base: str,
    splits: Sequence[InputSplit],
    only_span: int | None,
    find: FindFiles = local_files,
) -> ResolvedInput:
    """Returns the files of the requested span, or of the latest, in its latest version.

    Files and directories whose names begin with `_` or `.` are left out, as in Spark and Hadoop,
    unless the pattern names them.

    Args:
        input_base: Directory or URI that contains the files of the patterns.
        splits: Names and patterns.
        only_span: The span to read, or None for the latest.
        find: The function that finds files; by default local files.

    Raises:
        InputError: A pattern is not valid or matches nothing, or splits differ in their span.
    """
    patterns = _patterns(splits, only_span)
    chosen = [_choose(input_base, pattern, only_span, find) for pattern in patterns]
    for pattern, choice in zip(patterns, chosen, strict=True):
        if choice[:2] != chosen[0][:2]:
            raise InputError(
                f"the latest span and version of split {splits[0].name!r} are "
                f"{chosen[0][:2]}, of split {pattern.split.name!r} {choice[:2]}; all splits are "
                "read at one span. Complete the data, or give `span`."
            )
    span, version, _ = chosen[0]
    named = {split.name: files for split, (_, _, files) in zip(splits, chosen, strict=True)}
    return ResolvedInput(
        span=span or 0,
        version=version,
        files={name: tuple(file.path for file in files) for name, files in named.items()},
        fingerprint="\n".join(_fingerprint(name, files) for name, files in named.items()),
    )


def check_patterns(splits: Sequence[InputSplit], only_span: int | None) -> None:
    """Rejects input patterns that are not valid; arguments are as for `resolve`.

    Raises:
        InputError: A pattern has an error, patterns differ in their placeholders, or have none for
            the requested span.
    """
    _patterns(splits, only_span)


def without_placeholders(base: str, split: InputSplit, file: str) -> str:
    """Returns the pattern of a split with the digits that stand in the path of one of its files."""
    found = _Pattern(split).expression_under(base).fullmatch(file)
    digits = found.groupdict() if found else {}
    return _SPEC.sub(lambda match: digits.get(match[1], match[0]), split.pattern)


def _patterns(splits: Sequence[InputSplit], only_span: int | None) -> "list[_Pattern]":
    patterns = [_Pattern(split) for split in splits]
    _check_alike(patterns)
    if only_span is not None and not patterns[0].has_span:
        raise InputError(
            f"span {only_span} is asked for, but pattern "
            f"{splits[0].pattern!r} has no {{SPAN}}. Put {{SPAN}} or {{YYYY}}, {{MM}} and {{DD}} "
            "into the patterns, or leave `span` and `range_config` out."
        )
    return patterns


class _Pattern:
    """An input pattern, as a glob and as a regular expression that captures span and version."""

    def __init__(self, split: InputSplit) -> None:
        self.split = split
        specs = [(match[1], match[2]) for match in _SPEC.finditer(split.pattern)]
        names = [name for name, _ in specs]
        self.has_span = "SPAN" in names
        self.has_date = any(name in names for name in _DATE_WIDTHS)
        self.has_version = "VERSION" in names
        self._check(names)
        self.has_span = self.has_span or self.has_date
        digits = [self._digits(name, width) for name, width in specs]
        literals = _SPEC.split(split.pattern)[::3]
        self._expression = _as_expression(literals[0]) + "".join(
            f"(?P<{name}>{digit}){_as_expression(literal)}"
            for name, digit, literal in zip(names, digits, literals[1:], strict=True)
        )
        self.glob = "*".join(literals)

    def _check(self, names: Sequence[str]) -> None:
        expected = None
        if self.has_span and self.has_date:
            expected = "{SPAN} or a date, not both"
        elif any(names.count(name) > 1 for name in names):
            expected = "each placeholder once"
        elif self.has_date and not set(_DATE_WIDTHS) <= set(names):
            expected = "all of {YYYY}, {MM} and {DD}"
        elif self.has_version and not (self.has_span or self.has_date):
            expected = "{VERSION} beside {SPAN} or a date"
        if expected:
            raise InputError(
                f"pattern {self.split.pattern!r} of input split "
                f"{self.split.name!r}: expected {expected}. Change the pattern."
            )

    def _digits(self, name: str, width: str | None) -> str:
        if name in _DATE_WIDTHS and width is None:
            return f"[0-9]{{{_DATE_WIDTHS[name]}}}"
        if width is None:
            return "[0-9]+"
        if name in _DATE_WIDTHS or not width.isdecimal() or int(width) < 1:
            raise InputError(
                f"pattern {self.split.pattern!r} of input split "
                f"{self.split.name!r}: expected {{SPAN}} or {{SPAN:8}}, with the number of digits "
                "after the colon. Change the pattern."
            )
        return f"[0-9]{{{int(width)}}}"

    def expression_under(self, base: str) -> re.Pattern[str]:
        return re.compile(_joined(re.escape(base), self._expression))


def _choose(
    base: str, pattern: _Pattern, only_span: int | None, find: FindFiles
) -> tuple[int | None, int | None, list[SourceFile]]:
    expression = pattern.expression_under(base)
    found: dict[tuple[int | None, int | None], list[SourceFile]] = {}
    num_hidden = 0
    for file in find(base, pattern.glob):
        match = expression.fullmatch(file.path)
        if match and _is_hidden(file.path, base, pattern.glob):
            num_hidden += 1
        elif match:
            found.setdefault(_span_and_version(match, file.path), []).append(file)
    spans = {span for span, _ in found}
    wanted = {key: files for key, files in found.items() if only_span in (None, key[0])}
    if not wanted:
        seen = f"; spans found: {sorted(span or 0 for span in spans)}" if spans else ""
        if num_hidden:
            seen += f"; left out: {num_hidden} whose names, or folders', begin with _ or ."
        at_span = "" if only_span is None else f" at span {only_span}"
        raise InputError(
            f"no file matches pattern {pattern.split.pattern!r} of input split "
            f"{pattern.split.name!r} under {base}{at_span}{seen}. Check the pattern in "
            "`input_config` and the directory in `input_base`."
        )
    span, version = max(wanted, key=lambda key: (key[0] or 0, key[1] or 0))
    return span, version, wanted[(span, version)]


def _is_hidden(path: str, base: str, pattern: str) -> bool:
    """Returns whether Spark or Hadoop writes files of this kind beside the data.

    Files such as `_SUCCESS`, `_temporary/...` and `.part-0.crc` contain no rows. A pattern with
    such a first character, for example `_part-*`, includes them.
    """
    names = path.removeprefix(_joined(base, "")).split("/")
    asked = pattern.split("/")
    return any(
        name.startswith(("_", ".")) and not part.startswith(name[0])
        for name, part in zip(names, asked, strict=False)
    )


def _span_and_version(match: re.Match[str], path: str) -> tuple[int | None, int | None]:
    groups = match.groupdict()
    version = int(groups["VERSION"]) if "VERSION" in groups else None
    if "SPAN" in groups:
        return int(groups["SPAN"]), version
    if "YYYY" not in groups:
        return None, version
    try:
        date = datetime.date(int(groups["YYYY"]), int(groups["MM"]), int(groups["DD"]))
    except ValueError as error:
        raise InputError(
            f"{path} matches the input pattern, but {groups['YYYY']}-"
            f"{groups['MM']}-{groups['DD']} is not a date ({error}). Rename the file or directory."
        ) from error
    return (date - _EPOCH).days, version


def _check_alike(patterns: Sequence[_Pattern]) -> None:
    kinds = [(pattern.has_span, pattern.has_date, pattern.has_version) for pattern in patterns]
    for pattern, kind in zip(patterns, kinds, strict=True):
        if kind != kinds[0]:
            raise InputError(
                f"pattern {patterns[0].split.pattern!r} of input split "
                f"{patterns[0].split.name!r} and pattern {pattern.split.pattern!r} of "
                f"{pattern.split.name!r} differ in their placeholders. Use the same ones in each."
            )


def _as_expression(literal: str) -> str:
    """Returns the regular expression for a piece of a glob."""
    parts = re.split(r"(\*+|\?|\[[^\]]+\])", literal)
    translated = []
    for part in parts:
        if part.startswith("*"):
            translated.append("[^/]*")
        elif part == "?":
            translated.append("[^/]")
        elif part.startswith("["):
            translated.append(part.replace("[!", "[^"))
        else:
            translated.append(re.escape(part))
    return "".join(translated)


def _joined(base: str, rest: str) -> str:
    return base + rest if base.endswith("/") else f"{base}/{rest}"


def _fingerprint(name: str, files: Sequence[SourceFile]) -> str:
    exclusive = 0
    for file in files:
        exclusive ^= file.modified_seconds
    total = sum(file.modified_seconds for file in files)
    size = sum(file.size_bytes for file in files)
    return (
        f"split:{name},num_files:{len(files)},total_bytes:{size},"
        f"xor_checksum:{exclusive},sum_checksum:{total}"
    )
