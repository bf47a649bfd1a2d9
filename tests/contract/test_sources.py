"""Contract of a source of examples: one class, with the same results in both engines."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from headrace_components.contract.errors import InputError, named
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Artifact
from headrace_components.library.data.example_encoder import encode_examples
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.sources import from_files
from headrace_components.library.sources.params import FileExampleGenParams
from headrace_components.library.sources.source import Agreement, Facts, TableSource

ENGINES = [(), ("--runner=DirectRunner",)]
WORDS = {"1.words": "en\nhello\nhi\n", "2.words": "en\nno\n"}


@dataclass(frozen=True, kw_only=True, slots=True)
class WordsParams(FileExampleGenParams):
    component: ClassVar[str] = "words_example_gen"


class WordsSource(TableSource):
    """Files of a language and words; a row needs the longest word of all files."""

    agrees_first = True

    def read(self, split: str, addresses: Sequence[str]) -> Iterator[Any]:
        assert split == "single_split"
        for address in addresses:
            language, *words = Path(address).read_text("utf-8").split()
            yield words
            yield Facts(value=(address, language, max(map(len, words), default=0)))

    def agree(self, facts: Sequence[tuple[str, str, int]]) -> Agreement:
        (first, expected, _), *others = facts
        for address, language, _ in others:
            if language != expected:
                raise InputError(
                    f"{self.component}: {address} is in {language}, {first} in {expected}. Give "
                    "files of one language."
                )
        longest = max(length for *_, length in facts)
        warnings = [f"{self.component}: a word is long."] if longest > 9 else []
        return Agreement(value=longest, warnings=warnings)

    def reread(self, facts: Sequence[tuple[str, str, int]]) -> Iterator[list[str]]:
        for address, _, _ in facts:
            yield Path(address).read_text("utf-8").split()[1:]

    def columns(self, block: list[str], agreed: int) -> pa.RecordBatch:
        words = pa.array([[word.encode()] for word in block], pa.large_list(pa.large_binary()))
        share = pa.array([[len(word) / agreed] for word in block], pa.large_list(pa.float32()))
        return pa.RecordBatch.from_arrays([share, words], ["share", "word"])


def write(base: Path, files: dict[str, str], args: Sequence[str], **params: Any) -> Path:
    (base / "files").mkdir(exist_ok=True)
    for name, text in files.items():
        (base / "files" / name).write_text(text, "utf-8")
    path = base / f"examples-{len(args)}"
    values = {"input_base": str(base / "files"), "beam_pipeline_args": list(args), **params}
    given = read(WordsParams, values, "words_example_gen")
    output = Artifact(key="examples", name="", uri=str(path), path=path)
    from_files.write(given, output, WordsSource(given))
    return path


def rows(path: Path, split: str) -> list[dict[str, Any]]:
    reader = ExamplesReader(path, "test")
    batches = list(reader.record_batches(split))
    records = [record for found in reader.serialized(split) for record in found]
    assert records == [record for batch in batches for record in encode_examples(batch)]
    found = [row for batch in batches for row in batch.to_pylist()]
    return sorted(found, key=lambda row: str(row["word"]))


@pytest.mark.parametrize("args", ENGINES, ids=["embedded", "beam"])
def test_rows_are_made_of_what_all_inputs_agree_on(args: Sequence[str], tmp_path: Path) -> None:
    one_split = {"split_config": {"splits": [{"name": "all", "hash_buckets": 1}]}}
    path = write(tmp_path, WORDS, args, output_config=one_split)

    assert rows(path, "all") == [
        {"word": [b"hello"], "share": [1.0]},
        {"word": [b"hi"], "share": [pytest.approx(0.4)]},
        {"word": [b"no"], "share": [pytest.approx(0.4)]},
    ]


def test_both_engines_divide_rows_alike(tmp_path: Path) -> None:
    files = {f"{part}.words": "en\n" + f"w{part} x{part}\n" * 9 for part in range(9)}
    embedded, on_beam = (write(tmp_path, files, args) for args in ENGINES)

    for split in ("train", "eval"):
        assert rows(embedded, split) == rows(on_beam, split)
        assert rows(embedded, split)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({**WORDS, "3.words": "de\nja\n"}, "3.words is in de, .*1.words in en. Give files of one"),
        ({"1.words": "en\n", "2.words": "en\n"}, "1.words, .*2.words: no rows, expected at least"),
    ],
)
def test_both_engines_refuse_in_the_same_words(
    files: dict[str, str], message: str, tmp_path: Path
) -> None:
    said = set()
    for args in ENGINES:
        with (
            pytest.raises(InputError, match=f"^words_example_gen: .*{message}") as raised,
            named("words_example_gen"),
        ):
            write(tmp_path, files, args)
        said.add(str(raised.value))

    assert len(said) == 1


@pytest.mark.parametrize("args", ENGINES, ids=["embedded", "beam"])
def test_a_warning_is_logged_once(
    args: Sequence[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    write(tmp_path, {**WORDS, "3.words": "en\nsesquipedalian\n"}, args)

    assert [r.getMessage() for r in caplog.records if "long" in r.getMessage()] == [
        "words_example_gen: a word is long."
    ]
