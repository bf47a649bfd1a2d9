"""Decides which splits of two artifacts are compared with each other. Standard library only."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Artifact
from headrace_components.library.data import splits

_NUM_IN_PAIR = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitPair:
    """A split under test and the split of the baseline that it is compared with."""

    test: str
    baseline: str

    @property
    def name(self) -> str:
        """The pair's name in metadata, as in TFX."""
        return f"{self.test}_{self.baseline}"

    def directory(self, artifact: Artifact) -> Path:
        """Returns the directory of `artifact` for the results of this pair."""
        return artifact.path / f"SplitPair-{self.name}"


def check(include: Sequence[Sequence[str]]) -> None:
    """Raises InputError if `include_split_pairs` is not a list of pairs of names."""
    for pair in include:
        if len(pair) != _NUM_IN_PAIR:
            raise InputError(
                f"`include_split_pairs` has {list(pair)}, expected two split names, "
                'the one under test first. Write it as [["eval", "train"]].'
            )


def selected(
    test: Artifact,
    baseline: Artifact,
    include: Sequence[Sequence[str]],
    *,
    same_name: bool,
) -> list[SplitPair]:
    """Returns the pairs to compare, in the order of the artifacts' splits.

    Args:
        test: The artifact under test.
        baseline: The artifact that it is compared with.
        include: Pairs of names, the split under test first; empty takes the default.
        same_name: Whether the default pairs splits with the same name, and not every split with
            every other.

    Raises:
        InputError: `include` names a split that an artifact lacks, there are no pairs, or two pairs
            would use the same directory.
    """
    tested = splits.selected(test, ())
    bases = splits.selected(baseline, ())
    wanted = {(pair[0], pair[1]) for pair in include}
    for name, base in sorted(wanted):
        if name not in tested or base not in bases:
            raise InputError(
                f"`include_split_pairs` has {[name, base]}, but `{test.key}` has the "
                f"splits {list(tested)} and `{baseline.key}` {list(bases)}. Name the split of "
                f"`{test.key}` first."
            )
    pairs = [
        SplitPair(test=name, baseline=base)
        for name in tested
        for base in bases
        if ((name, base) in wanted if wanted else name == base or not same_name)
    ]
    if not pairs:
        raise InputError(
            f"`{test.key}` has the splits {list(tested)} and `{baseline.key}` "
            f"{list(bases)}, none of one name. Name the pairs to compare in "
            "`include_split_pairs`, the split under test first."
        )
    _check_names(pairs)
    return pairs


def _check_names(pairs: Sequence[SplitPair]) -> None:
    seen: dict[str, SplitPair] = {}
    for pair in pairs:
        other = seen.setdefault(pair.name, pair)
        if other is not pair:
            raise InputError(
                f"the pairs {[other.test, other.baseline]} and "
                f"{[pair.test, pair.baseline]} would both be called {pair.name!r}. Name one of "
                "them in `include_split_pairs`, or rename a split where it is made."
            )
