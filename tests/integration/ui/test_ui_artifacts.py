"""The pages of artifacts in a real browser: hostile data, damaged files, other places."""

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pyarrow as pa
import pytest
from playwright.sync_api import Browser
from tensorflow_metadata.proto.v0 import schema_pb2

from headrace.lineage.local_store.connection import default_url
from headrace.lineage.local_store.writer import ArtifactRecord, LineageStore
from headrace.ui.artifacts.reader import ArtifactReader
from headrace_components.contract.errors import InputError
from headrace_components.library.data import schemas
from headrace_components.library.data.examples import BYTES_LIST, FLOAT_LIST, ExamplesWriter
from support.programs.browser import WIDTHS, visit
from support.programs.ui_server import served

EVIL = "<script>alert('data')</script>"
NUM_ROWS = 50
NUM_FEATURES = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A root with artifacts, and the server that shows them."""

    root: Path
    address: str

    def page(self, uri: str | Path, **values: str | int) -> str:
        where = self.root / uri if isinstance(uri, str) and "://" not in uri else uri
        return f"{self.address}artifacts?{urlencode({'uri': str(where), **values})}"

    def ask(self, address: str) -> tuple[int, Mapping[str, str], str]:
        where = urlsplit(address)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        connection.request("GET", f"{where.path}?{where.query}")
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text


def write_files(root: Path) -> None:
    with ExamplesWriter(root / "examples", "train") as writer:
        values = [pa.array([[float(n)] if n % 2 else [] for n in range(NUM_ROWS)], FLOAT_LIST)]
        values.append(pa.array([[EVIL.encode()]] * NUM_ROWS, BYTES_LIST))
        writer.write(pa.RecordBatch.from_arrays(values, [EVIL, "name"]))
    for number in (1, 2):
        schema = schema_pb2.Schema()
        for name in [EVIL, *(f"feature_{n:03}" for n in range(NUM_FEATURES))][number - 1 :]:
            schema.feature.add(name=name, type=schema_pb2.FLOAT)
        schemas.write(schema, root / f"schema-{number}")
    (root / "damaged").mkdir()
    (root / "damaged/schema.pbtxt").write_text("feature { {{{")
    (root / "model/Format-Serving").mkdir(parents=True)
    (root / "model/Format-Serving/saved_model.pb").write_bytes(b"\x12\xff\xff\xff\xff\x0fdamaged")
    (root / "page.html").write_text(
        "<h1>Made by a run</h1><script>document.title='ran'; parent.document.title='escaped';"
        "fetch('https://evil.example/').catch(() => 0)</script>"
    )
    (root / "anything").mkdir()
    (root / f"anything/{EVIL.replace('/', '_')}.txt").write_text(f"{EVIL} as text")
    (root / "anything/large.bin").write_bytes(b"\0" * 100_000)
    secret = root.parent / "secret"
    secret.mkdir()
    (secret / "key.txt").write_text("the secret")
    (root / "anything/link.txt").symlink_to(secret / "key.txt")
    (root / "linked").symlink_to(secret)
    (secret / "best.json").write_text('{"values": {"key": "the secret"}}')
    (root / "links").mkdir()
    (root / "links/best_hyperparameters.txt").symlink_to(secret / "best.json")
    os.mkfifo(root / "anything/pipe")
    Path(os.fsdecode(os.fsencode(root / "anything") + b"/\xff.txt")).write_text("odd name")


RECORDS: list[tuple[str, str, Mapping[str, Any]]] = [
    ("examples", "tfx.Examples", {"split_names": '["train"]', "note": EVIL}),
    ("schema-1", "tfx.Schema", {}),
    ("schema-2", "tfx.Schema", {}),
    ("damaged", "tfx.Schema", {}),
    ("model", "tfx.Model", {}),
    ("page.html", "system.HTML", {}),
    ("anything", "system.Dataset", {}),
    ("linked", "system.Dataset", {}),
    ("links", "tfx.HyperParameters", {}),
    ("gone", "tfx.Examples", {}),
    (
        "curve",
        "system.ClassificationMetrics",
        {
            "confidenceMetrics": json.dumps(
                [
                    {
                        "confidenceThreshold": 1 - n / 4,
                        "falsePositiveRate": n / 4,
                        "recall": n**0.5 / 2,
                    }
                    for n in range(5)
                ]
            ),
            "confusionMatrix": json.dumps(
                {
                    "annotationSpecs": [{"displayName": EVIL}, {"displayName": "b"}],
                    "rows": [{"row": [3, 1]}, {"row": [0, EVIL]}],
                }
            ),
        },
    ),
    ("odd", "system.ClassificationMetrics", {"confusionMatrix": "[[[", "confidenceMetrics": "7"}),
]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    root = tmp_path_factory.mktemp("a folder") / "root with blanks"
    root.mkdir()
    write_files(root)
    store = LineageStore(default_url(root))
    store.begin_run("pages", "run-1", {})
    outside = ("gs://bucket/examples", "/etc", "relative/place")
    records = [
        *((str(root / uri), title, metadata) for uri, title, metadata in RECORDS),
        *((uri, "tfx.Examples", {}) for uri in outside),
    ]
    for number, (uri, title, metadata) in enumerate(records):
        execution = store.begin_execution("run-1", f"make-{number}", "make", {}, {})
        record = ArtifactRecord(uri=uri, type=title, metadata=metadata)
        store.finish_execution(execution, "complete", {"made": [record]})
    store.finish_run("run-1", "complete")
    with served(root) as address:
        yield Shown(root=root, address=address)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("uri", [each[0] for each in RECORDS])
def test_no_artifact_runs_script_or_makes_a_page_wider_than_the_window(
    browser: Browser, shown: Shown, uri: str, width: int, dark: bool
) -> None:
    with visit(browser, shown.page(uri), width=width, dark=dark) as found:
        assert "Headrace" in found.page.title()
        assert found.overflow() == 0
        complaints = [each for each in found.complaints if "evil.example" not in each]
        # The page of a run is refused what it tried in its frame; nothing else complains.
        assert complaints == [] or uri == "page.html"
        assert not any("dialog" in each for each in found.complaints)
        assert found.foreign == [] or uri == "page.html"


def test_rows_are_shown_some_at_a_time_and_text_as_text(browser: Browser, shown: Shown) -> None:
    with visit(browser, shown.page("examples"), scripts=False) as found:
        page = found.page
        assert page.get_by_role("heading", name="Rows").is_visible()
        assert "Rows 1 to 20 of 50" in page.content()
        assert page.get_by_role("columnheader", name=EVIL).count() == 1
        assert page.get_by_role("cell", name=EVIL).count() == 20
        assert page.get_by_role("cell", name="no value").count() == 10
        page.get_by_role("link", name="Next").click()
        page.get_by_role("link", name="Next").click()
        assert "Rows 41 to 50 of 50" in page.content()
        assert page.get_by_role("link", name="Next").count() == 0
        page.get_by_label("Columns with").fill("NAME")
        page.get_by_role("button", name="Find").click()
        assert page.get_by_role("columnheader", name=EVIL).count() == 0
        assert page.get_by_role("columnheader", name="name").count() == 1


@pytest.mark.parametrize(
    "values", [{"row": "-1"}, {"row": "9" * 30}, {"row": "x"}, {"column": "99"}, {"split": EVIL}]
)
def test_an_address_that_a_person_changed_shows_rows_or_says_so(
    shown: Shown, values: dict[str, str]
) -> None:
    status, _, text = shown.ask(shown.page("examples", **values))

    assert status == 200
    assert "Rows" in text
    assert "<script>alert" not in text


def test_a_long_table_is_searched_without_script(browser: Browser, shown: Shown) -> None:
    with visit(browser, shown.page("schema-1"), scripts=False) as found:
        page = found.page
        assert "1 to 50 of 121" in page.content()
        page.get_by_label("Rows with").fill("Feature_11")
        page.get_by_role("button", name="Find").click()
        assert page.get_by_role("rowheader", name="feature_11").count() == 10


def test_two_schemas_are_compared(browser: Browser, shown: Shown) -> None:
    with visit(browser, shown.page("schema-2"), scripts=False) as found:
        page = found.page
        page.get_by_label("Compare with").select_option(str(shown.root / "schema-1"))
        page.get_by_role("button", name="Compare").click()
        region = page.locator("#comparison")
        assert region.get_by_role("rowheader", name=EVIL).count() == 1
        assert region.get_by_text("gone").count() == 1


def test_artifacts_of_two_types_are_not_compared(shown: Shown) -> None:
    values = {"with": str(shown.root / "examples")}

    status, _, text = shown.ask(shown.page("schema-2", **values))

    assert status == 404
    assert "cannot be compared with Schema" in text


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("damaged", "is not a schema"),
        ("model", "is not a SavedModel"),
        ("gone", "It is not there any more"),
        ("links", "is a link to a place outside of the artifact"),
        ("linked", "and this page reads nothing outside of it"),
        ("odd", "It has no ROC curve and no confusion matrix"),
    ],
)
def test_what_cannot_be_read_is_said_on_the_page(shown: Shown, uri: str, words: str) -> None:
    status, _, text = shown.ask(shown.page(uri))

    assert status == 200
    assert words in text
    assert "the secret" not in text


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("gs://bucket/examples", "It is at gs://, which this page does not read."),
        (Path("/etc"), "and this page reads nothing outside of it"),
    ],
)
def test_places_outside_the_root_are_named_and_not_read(
    shown: Shown, uri: str | Path, words: str
) -> None:
    status, _, text = shown.ask(shown.page(uri))

    assert status == 200
    assert words in text
    assert '<h2 id="files">' not in text


@pytest.mark.parametrize(
    "file",
    [
        "link.txt",
        "../schema-1/schema.pbtxt",
        "/etc/passwd",
        "../../secret/key.txt",
        "pipe",
        "\0",
        "",
    ],
)
def test_no_address_leads_to_a_file_outside_the_artifact(shown: Shown, file: str) -> None:
    for kind in ("file", "download", "document"):
        query = urlencode({"uri": str(shown.root / "anything"), "file": file})
        status, _, text = shown.ask(f"{shown.address}artifacts/{kind}?{query}")

        assert status == 404
        assert "the secret" not in text
        assert "root:" not in text


def test_a_file_is_saved_and_not_opened(shown: Shown) -> None:
    query = urlencode({"uri": str(shown.root / "page.html")})

    status, headers, text = shown.ask(f"{shown.address}artifacts/download?{query}")

    assert status == 200
    assert "Made by a run" in text
    assert headers["content-disposition"].startswith("attachment")
    assert headers["content-type"] == "application/octet-stream"


def test_the_beginning_of_a_text_file_is_shown_and_other_files_are_not(shown: Shown) -> None:
    name = f"{EVIL.replace('/', '_')}.txt"
    pages = []
    for file in (name, "large.bin"):
        query = urlencode({"uri": str(shown.root / "anything"), "file": file})
        pages.append(shown.ask(f"{shown.address}artifacts/file?{query}")[2])

    assert "&lt;script&gt;alert(&#39;data&#39;)&lt;/script&gt; as text" in pages[0]
    assert "It is no text." in pages[1]


def test_a_page_that_a_run_made_has_no_access_to_this_page(browser: Browser, shown: Shown) -> None:
    with visit(browser, shown.page("page.html")) as found:
        frame = found.page.frame_locator("iframe.document")
        assert frame.get_by_role("heading", name="Made by a run").is_visible()
        assert "escaped" not in found.page.title()
        assert found.foreign == [] or all("evil.example" in each for each in found.foreign)


def test_a_curve_and_a_matrix_are_drawn(browser: Browser, shown: Shown) -> None:
    with visit(browser, shown.page("curve"), scripts=False) as found:
        picture = found.page.get_by_role("img", name="ROC curve")
        assert picture.locator("path.line").count() == 1
        assert picture.locator("path.diagonal").count() == 1
        assert found.page.get_by_role("columnheader", name=EVIL).count() == 1
        assert found.page.locator("td.heat-7, td.heat-9").count() == 1


def test_everything_on_the_page_of_rows_is_reached_with_the_keyboard(
    browser: Browser, shown: Shown
) -> None:
    with visit(browser, shown.page("examples")) as found:
        reached = set()
        for _ in range(60):
            found.page.keyboard.press("Tab")
            reached.add(
                found.page.evaluate(
                    "document.activeElement.getAttribute('aria-label')"
                    " || document.activeElement.textContent.trim()"
                )
            )
        assert {"Rows of train", "Next", "Find", "Files"} <= reached


def test_a_reader_that_takes_too_long_is_ended(
    tmp_path: Path,
) -> None:
    schemas.write(schema_pb2.Schema(), tmp_path / "fine")
    hasty = ArtifactReader(max_seconds=3.0)
    (tmp_path / "slow/Split-train").mkdir(parents=True)
    os.mkfifo(tmp_path / "slow/Split-train/FeatureStats.pb")  # to read it is to wait for ever

    with pytest.raises(InputError, match="takes longer than 3 seconds"):
        hasty.ask(what="read", type="ExampleStatistics", path=str(tmp_path / "slow"))
    answer = ArtifactReader().ask(what="read", type="Schema", path=str(tmp_path / "fine"))

    assert answer[0]["heading"] == "Features"
