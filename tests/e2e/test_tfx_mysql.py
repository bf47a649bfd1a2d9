"""A TFX pipeline whose lineage is in a MySQL database, with a real server."""

import getpass
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.main import main
from headrace_tfx.running import execution_lib, metadata
from support.programs.finding import program
from support.programs.ports import free_ports

pytestmark = pytest.mark.slow

PASSWORD = "p@ss/w:rd%"

PIPELINE = """
import os

from tfx import v1 as tfx

HERE = os.path.dirname(os.path.abspath(__file__))


@tfx.dsl.components.component
def Count(word: tfx.dsl.components.Parameter[str]) -> tfx.dsl.components.OutputDict(n=int):
    return {"n": len(word)}


@tfx.dsl.components.component
def Show(n: int):
    print(n)


count = Count(word="clay")
pipeline = tfx.dsl.Pipeline(
    pipeline_name="pots",
    pipeline_root=os.path.join(HERE, "root"),
    components=[count, Show(n=count.outputs["n"])],
    metadata_connection_config=tfx.orchestration.metadata.mysql_metadata_connection_config(
        "127.0.0.1", PORT, "lineage", "me", PASSWORD
    ),
)
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Returns the port of a server with an empty database."""
    server = program("mariadbd", "no MySQL server can be started")
    install = program("mariadb-install-db", "no MySQL server can be started")
    client = program("mariadb", "no database can be made")
    folder = tmp_path_factory.mktemp("mysql")
    own = ["--no-defaults", f"--datadir={folder / 'data'}", f"--user={getpass.getuser()}"]
    plain = ["--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run([install, *own, *plain], check=True, capture_output=True)
    # The path of a socket may have 107 characters.
    (number,) = free_ports(1)
    socket = Path(tempfile.gettempdir(), f"headrace-{number}.sock")
    listening = [f"--port={number}", f"--socket={socket}", "--bind-address=127.0.0.1"]
    pid = f"--pid-file={folder / 'pid'}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([server, *own, *listening, pid], stdout=log, stderr=log)
    sql = (
        "create database lineage; "
        f"create user 'me'@'localhost' identified by '{PASSWORD}'; "
        f"create user 'me'@'127.0.0.1' identified by '{PASSWORD}'; "
        "grant all on lineage.* to 'me'@'localhost'; grant all on lineage.* to 'me'@'127.0.0.1'"
    )
    try:
        ask = [client, "--no-defaults", "-uroot", f"--socket={socket}", "-e"]
        while subprocess.run([*ask, "select 1"], capture_output=True, check=False).returncode:
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)
        subprocess.run([*ask, sql], check=True, capture_output=True)
        yield number
    finally:
        process.terminate()
        process.wait()


def test_lineage_in_mysql_is_read_with_tfxs_names(
    tmp_path: Path, port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pipeline.py"
    file.write_text(PIPELINE.replace("PORT", str(port)).replace("PASSWORD", repr(PASSWORD)))

    assert main(["run", str(file)]) == 0

    config = metadata.mysql_metadata_connection_config("127.0.0.1", port, "lineage", "me", PASSWORD)
    with metadata.Metadata(config) as handle:
        assert outputs_of(handle, "Count")["n"][0].read() == 4
        (execution,) = executions_of(handle, "Show")
        (read,) = execution_lib.get_input_artifacts(handle, execution.id)["n"]
        assert Path(read.uri).read_text() == "4"
        names = {each.name for each in handle.store.get_execution_types()}
        assert names == {"__main__.Count", "__main__.Show"}
    capfd.readouterr()
    assert main(["lineage", "runs", "--file", str(file)]) == 0
    assert "2 done" in capfd.readouterr().out
    # A password is not stored beside the results.
    kept = [each for each in (tmp_path / "root").rglob("*") if each.is_file()]
    assert not [each for each in kept if PASSWORD.encode() in each.read_bytes()]


def test_two_processes_write_to_one_mysql_database(tmp_path: Path, port: int) -> None:
    file = tmp_path / "pipeline.py"
    file.write_text(PIPELINE.replace("PORT", str(port)).replace("PASSWORD", repr(PASSWORD)))
    command = [sys.executable, "-m", "headrace.cli.main", "run", str(file)]

    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]

    errors = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], errors


def executions_of(handle: metadata.Metadata, node: str) -> Any:
    context = handle.store.get_context_by_type_and_name("node", f"pots.{node}")
    assert context is not None
    return handle.store.get_executions_by_context(context.id)


def outputs_of(handle: metadata.Metadata, node: str) -> dict[str, list[Any]]:
    (execution,) = executions_of(handle, node)
    return execution_lib.get_output_artifacts(handle, execution.id)
