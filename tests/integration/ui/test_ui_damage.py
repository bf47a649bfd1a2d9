"""The pages over records that are damaged, hostile, or gone."""

import http.client
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

import headrace
from support.cases.ui_pipelines import everything
from support.programs.ui_server import served


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("damage") / "root"
    headrace.run(everything, root=found, parameters={"items": [1]})
    return found


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with served(root) as found:
        yield found.rstrip("/")


def get(address: str, path: str) -> tuple[int, dict[str, str], str]:
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=120)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


def copied(root: Path, name: str) -> Path:
    """Makes another run with the files of the first one, to be damaged; returns its directory."""
    source = next(path.parent for path in sorted(root.glob("*/*/run.json")))
    directory = source.with_name(name)
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(source, directory, symlinks=True)
    for file in (*directory.glob("*.json"), directory / "tasks.jsonl"):
        file.write_text(file.read_text("utf-8").replace(source.name, name), "utf-8")
    return directory


def report_path(directory: Path) -> str:
    return f"/reports/everything/{directory.name}/report?port=page&index=0"


def test_a_report_is_served_in_a_sandbox(root: Path, address: str) -> None:
    directory = copied(root, "20270101-000000-good")

    status, headers, text = get(address, report_path(directory))

    assert status == 200
    assert "<h1>Report</h1>" in text
    policy = headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none';")
    assert "allow-same-origin" not in policy
    assert "connect-src" not in policy  # so that of default-src holds


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "/proc/self/environ", "/dev/zero", "/", "no such file"]
)
def test_a_report_that_is_a_link_out_of_the_root_is_not_served(
    root: Path, address: str, target: str
) -> None:
    directory = copied(root, "20270101-000000-link")
    report = directory / "report" / "page"
    report.unlink()
    report.symlink_to(target)

    status, _, text = get(address, report_path(directory))

    assert status == 404
    assert "root:" not in text
    page = get(address, f"/runs/{directory.name}/tasks/report")
    assert page[0] == 200
    assert "<iframe" not in page[2]


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/passwd",
        "{root}/../secret.html",
        "{root}/./../secret.html",
        "gs://bucket/report.html",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "//evil.example/x",
        "",
        "a\u0000b",
        "\ud800",
    ],
)
def test_a_record_cannot_name_a_file_outside_of_the_root(
    root: Path, address: str, uri: str
) -> None:
    (root.parent / "secret.html").write_text("a secret", "utf-8")
    directory = copied(root, "20270101-000000-uri")
    journal = directory / "tasks.jsonl"
    old = json.dumps(str(directory / "report" / "page"))
    assert old in journal.read_text("utf-8")
    new = json.dumps(uri.format(root=root))
    journal.write_text(journal.read_text("utf-8").replace(old, new), "utf-8")

    status, _, text = get(address, report_path(directory))
    page = get(address, f"/runs/{directory.name}/tasks/report")

    assert status == 404
    assert "secret" not in text.replace("secret.html", "")
    assert page[0] == 200
    assert 'href="javascript' not in page[2]
    assert '="//evil.example' not in page[2]


def test_a_log_that_is_a_link_out_of_the_root_is_not_shown(root: Path, address: str) -> None:
    directory = copied(root, "20270101-000000-logs")
    log = directory / "logs" / "report.log"
    log.unlink(missing_ok=True)
    log.symlink_to("/etc/passwd")

    assert get(address, f"/runs/{directory.name}/log/report")[0] == 404
    assert "root:" not in get(address, f"/runs/{directory.name}/tasks/report")[2]


@pytest.mark.parametrize("name", ["run.json", "summary.json", "state.json", "tasks.jsonl"])
@pytest.mark.parametrize("content", ["", "{", "[]", '{"state": 5}', "\x00\x01", None])
def test_a_damaged_record_leaves_the_pages_of_all_other_runs_whole(
    root: Path, address: str, name: str, content: str | None
) -> None:
    directory = copied(root, "20270101-000000-damage")
    try:
        (directory / name).unlink()
        if content is not None:
            (directory / name).write_text(content, "utf-8")

        assert get(address, "/")[0] == 200
        assert get(address, f"/runs/{directory.name}")[0] in (200, 404)
        assert get(address, f"/runs/{directory.name}/tasks/report")[0] in (200, 404)
    finally:
        shutil.rmtree(directory)


@pytest.mark.parametrize(
    "path",
    [
        "/runs/none",
        "/runs/..%2f..%2fetc",
        "/runs/%00",
        "/runs/*",
        "/runs/none/tasks/x",
        "/runs/{run}/tasks/none",
        "/runs/{run}/tasks/../../../etc/passwd",
        "/runs/{run}/tasks/",
        "/runs/{run}/log/..%2F..%2Frun.json",
        "/runs/{run}/log/none",
        "/reports/everything/{run}/none?port=page",
        "/reports/everything/{run}/report?port=../page",
        "/reports/everything/{run}/report?port=page&index=-1",
        "/compare",
        "/compare?run={run}",
        "/compare?run={run}&run=none",
        "/compare?" + "&".join(f"run={number}" for number in range(9)),
        "/nothing",
        "/%ff",
    ],
)
def test_an_address_that_leads_nowhere_is_told_on_a_page(
    root: Path, address: str, path: str
) -> None:
    run = next(path.parent.name for path in sorted(root.glob("*/*/run.json")))

    status, _, text = get(address, path.format(run=run))

    assert status in (400, 404)
    assert '<p class="problem" role="alert">' in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=99999999999999999999",
        "page=%C2%B2",
        "sort=none",
        "sort=metric:",
        "sort=parameter:text&order=sideways",
        "parameters=x",
        "parameters=%27",
        "state=" + quote("'\"<>"),
        "q=" + "x" * 5000,
        "q=%00&pipeline=%ff",
        "columns=all",
        "seen=x&q=1",
    ],
)
def test_an_odd_question_to_the_list_is_answered(address: str, query: str) -> None:
    assert get(address, f"/?{query}")[0] == 200


@pytest.mark.parametrize(
    "toggle", ["none", "for-loop-1", "for-loop-1&toggle=for-loop-1", "<b>", ""]
)
def test_an_odd_group_to_fold_changes_nothing(root: Path, address: str, toggle: str) -> None:
    run = next(path.parent.name for path in sorted(root.glob("*/*/run.json")))

    assert get(address, f"/runs/{run}?toggle={toggle}")[0] == 200
    assert get(address, f"/runs/{run}/live?toggle={toggle}&seen=x.y")[0] == 200


@pytest.mark.parametrize("place", ["after=0", "after=99999999", "before=1", "before=0", "before=x"])
def test_a_place_that_a_log_does_not_have_is_no_error(root: Path, address: str, place: str) -> None:
    run = next(path.parent.name for path in sorted(root.glob("*/*/run.json")))

    assert get(address, f"/runs/{run}/log-piece/report?{place}")[0] == 200


def test_a_root_that_is_removed_meanwhile_is_an_empty_page(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with served(root) as address:
        root.rmdir()
        status, _, text = get(address, "/")

    assert status == 200
    assert "Nothing has run under this root yet" in text
