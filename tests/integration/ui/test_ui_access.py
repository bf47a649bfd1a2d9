"""Who may read the pages of `headrace ui`, asked over real sockets."""

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from headrace.cli.main import main
from support.programs.browser import visit
from support.programs.ui_server import served


def ask(
    address: str, path: str = "/", *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], str]:
    """Sends one request as it is written; returns status, headers and text."""
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    connection.putrequest(method, path, skip_host=bool(headers and "Host" in headers))
    for name, value in (headers or {}).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("root with blanks")) as address:
        yield address


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("root"), "--host", "0.0.0.0") as address:
        yield address.replace(socket.gethostname(), "127.0.0.1")


def test_this_machine_needs_no_token(local: str) -> None:
    assert local.startswith("http://127.0.0.1:")
    assert "?" not in local
    assert ask(local)[0] == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8888", "127.0.0.1:1", "[::1]:80"])
def test_a_forwarded_port_may_have_another_number(local: str, host: str) -> None:
    assert ask(local, headers={"Host": host})[0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::1", "10.0.0.1"],
)
def test_a_name_that_was_made_to_point_here_is_refused(local: str, host: str) -> None:
    status, _, text = ask(local, headers={"Host": host})

    assert status == 421
    assert "Open the address that `headrace ui` printed." in text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_pages_are_only_read(local: str, method: str) -> None:
    status, headers, _ = ask(local, method=method)

    assert status == 405
    assert headers["allow"] == "GET, HEAD"


def test_no_other_site_may_read_frame_or_fetch_a_page(local: str) -> None:
    _, headers, _ = ask(local, headers={"Origin": "https://evil.example"})

    assert "access-control-allow-origin" not in headers
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/../../etc/passwd",
    ],
)
def test_no_path_leads_out_of_the_static_files(local: str, path: str) -> None:
    status, _, text = ask(local, path)

    assert status == 404
    assert "import" not in text
    assert "root:" not in text


def test_another_host_needs_the_token_once_and_then_a_cookie(shared: str) -> None:
    where = urlsplit(shared)
    token = where.query.removeprefix("token=")
    assert len(token) >= 32
    assert ask(shared)[0] == 401
    assert ask(shared, "/static/style.css")[0] == 401
    assert ask(shared, "/?token=")[0] == 401
    assert ask(shared, f"/?token={token[:-1]}")[0] == 401
    assert ask(shared, "/?token=%C3%A9")[0] == 401

    status, headers, _ = ask(shared, f"/runs/x?token={token}&a=b%26c")

    assert (status, headers["location"]) == (303, "/runs/x?a=b%26c")
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    value = cookie.partition(";")[0]
    assert ask(shared, headers={"Cookie": value})[0] == 200
    assert ask(shared, headers={"Cookie": value[:-1]})[0] == 401
    assert ask(shared, headers={"Cookie": f"{value}; odd=\x01"})[0] in (200, 400, 401)


def test_the_redirect_after_the_token_stays_on_this_server(shared: str) -> None:
    token = urlsplit(shared).query.removeprefix("token=")

    _, headers, _ = ask(shared, f"//evil.example/%2f?token={token}")

    assert headers["location"] == "/evil.example/%2f"


def test_a_name_that_points_here_is_refused_with_the_token_too(shared: str) -> None:
    query = urlsplit(shared).query

    assert ask(shared, f"/?{query}", headers={"Host": "evil.example"})[0] == 421
    assert ask(shared, f"/?{query}", headers={"Host": "10.1.2.3:80"})[0] == 303


def test_a_browser_opens_the_printed_address_and_keeps_no_token_in_it(
    browser: Browser, shared: str
) -> None:
    with visit(browser, shared) as tab:
        assert tab.page.url == shared.partition("?")[0]
        assert tab.page.get_by_role("heading", level=1).inner_text() == "Runs"
        assert tab.complaints == []
        assert tab.foreign == []


def test_a_port_that_is_taken_is_told(
    local: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = str(urlsplit(local).port)

    assert main(["ui", "--root", str(tmp_path), "--port", port, "--no-browser"]) == 2

    said = capsys.readouterr().err
    assert f"headrace ui: 127.0.0.1:{port} cannot be listened at (Address already in use)" in said
    assert "--port 0" in said


def test_an_address_of_another_machine_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["ui", "--root", str(tmp_path), "--host", "no such host", "--port", "0"]

    assert main([*arguments, "--no-browser"]) == 2

    assert "--host takes an address of this machine" in capsys.readouterr().err


def test_ctrl_c_ends_the_server_without_an_error(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "headrace.cli.main",
        "ui",
        "--root",
        str(tmp_path),
        "--port",
        "0",
    ]
    with subprocess.Popen(
        [*command, "--no-browser"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert "http://127.0.0.1:" in server.stdout.readline()
        server.send_signal(signal.SIGINT)
        said = server.communicate(timeout=60)

    assert (server.returncode, said[1]) == (0, "")


def test_without_the_extra_the_command_says_what_to_install(tmp_path: Path) -> None:
    hide = (
        "import sys, importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'starlette' else real(name, *rest)\n"
        f"from headrace.cli.main import main; sys.exit(main(['ui', '--root', {str(tmp_path)!r}]))"
    )

    result = subprocess.run(
        [sys.executable, "-c", hide], capture_output=True, text=True, check=False
    )

    assert result.returncode == 2
    assert "pip install 'headrace[ui]'" in result.stderr
    assert "Traceback" not in result.stderr
