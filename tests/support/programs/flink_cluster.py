"""A real Apache Flink on this machine, with Beam's job server: a session cluster.

The programs are downloaded once from Maven Central and PyPI, to ~/.cache/headrace/tests.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.programs.beam_clusters import await_port, await_true, end_program, start_program
from support.programs.finding import program
from support.programs.ports import free_ports

FLINK_VERSION = "1.19.3"
_CACHE = Path.home() / ".cache/headrace/tests"
_POM = Path(__file__).parents[2] / "fixtures/beam_job_server/pom.xml"

# The same as `env.java.opts.all` of Flink's own configuration for Java 17.
_OPENED = (
    "java.base/java.lang",
    "java.base/java.net",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/sun.nio.ch",
    "java.base/java.lang.reflect",
    "java.base/java.text",
    "java.base/java.time",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks",
)
JAVA_OPENS = tuple(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENED)

# Flink's scripts derive this from the default `taskmanager.memory.process.size`, 1728m. Each buffer
# is 32 KiB of its network memory.
_MEMORY = {
    "taskmanager.cpu.cores": "1.0",
    "taskmanager.memory.framework.heap.size": "128m",
    "taskmanager.memory.framework.off-heap.size": "128m",
    "taskmanager.memory.task.heap.size": "384m",
    "taskmanager.memory.task.off-heap.size": "0m",
    "taskmanager.memory.managed.size": "512m",
    "taskmanager.memory.network.min": "128m",
    "taskmanager.memory.network.max": "128m",
    "taskmanager.memory.jvm-metaspace.size": "256m",
    "taskmanager.memory.jvm-overhead.min": "192m",
    "taskmanager.memory.jvm-overhead.max": "192m",
}


@dataclass(kw_only=True, slots=True)
class Flink:
    """A session cluster and the job server in front of it.

    Attributes:
        rest: URL of Flink's REST API and page.
        job_endpoint: `host:port` of the job server.
        artifact_endpoint: `host:port` for staging files.
        logs: Directory of the programs' output.
    """

    rest: str
    job_endpoint: str
    artifact_endpoint: str
    logs: Path
    _directory: Path
    _task_manager: "subprocess.Popen[bytes]"

    def get(self, path: str) -> Any:
        """Returns an answer of Flink's REST API."""
        with urllib.request.urlopen(f"{self.rest}{path}", timeout=30) as answer:
            return json.load(answer)

    def jobs(self) -> dict[str, tuple[str, str]]:
        """Returns the ID and the state of each job by its name."""
        found = self.get("/jobs/overview")["jobs"]
        return {job["name"]: (job["jid"], job["state"]) for job in found}

    def await_state(self, name_part: str, state: str, seconds: float = 60.0) -> str:
        """Waits until a job whose name has this part is in a state, and returns its ID."""
        deadline = time.monotonic() + seconds
        while True:
            jobs = self.jobs()
            for name, (job_id, found) in jobs.items():
                if name_part in name and found == state:
                    return job_id
            assert time.monotonic() < deadline, f"no job {name_part!r} is {state}: {jobs}"
            time.sleep(0.2)

    def lose_task_manager(self) -> None:
        """Kills the task manager, and starts another one."""
        self._task_manager.kill()
        self._task_manager.wait()
        self._task_manager = _task_manager(self._directory, self.logs)


@contextlib.contextmanager
def flink(
    settings: Mapping[str, str] | None = None, slots: int = 2, *, has_beam: bool = False
) -> Iterator[Flink]:
    """Yields a cluster of one task manager with Flink's default memory.

    Args:
        settings: Additional settings for Flink's configuration.
        slots: Number of job parts that run at a time.
        has_beam: Whether the job server's jar is in Flink's `lib`.
    """
    jar = job_server_jar("flink")
    with (
        tempfile.TemporaryDirectory(prefix="headrace-flink-") as name,
        contextlib.ExitStack() as stack,
    ):
        directory = Path(name)
        logs = directory / "logs"
        logs.mkdir()
        rest, rpc, job, artifact = free_ports(4)
        (directory / "lib").mkdir()
        for file in [*_libraries().iterdir(), *([jar] if has_beam else [])]:
            (directory / "lib" / file.name).symlink_to(file)
        _configure(
            directory,
            {
                **_MEMORY,
                "jobmanager.rpc.address": "localhost",
                "jobmanager.rpc.port": str(rpc),
                "rest.address": "localhost",
                "rest.port": str(rest),
                "taskmanager.host": "localhost",
                "taskmanager.numberOfTaskSlots": str(slots),
                "parallelism.default": "1",
                "io.tmp.dirs": str(directory / "tmp"),
                "web.tmpdir": str(directory / "tmp"),
                # A killed task manager is noticed earlier than after 50 s.
                "heartbeat.interval": "1000",
                "heartbeat.timeout": "8000",
                **(settings or {}),
            },
        )
        entry = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
        manager = _flink_program(directory, logs, "job-manager", entry, "-Xmx384m")
        stack.callback(end_program, manager)
        server = start_program(
            [
                *("java", "-Xmx512m", *JAVA_OPENS, "-jar", str(jar)),
                f"--flink-master=localhost:{rest}",
                f"--job-port={job}",
                f"--artifact-port={artifact}",
                "--expansion-port=0",
                f"--artifacts-dir={directory / 'staged'}",
            ],
            logs / "job-server.log",
        )
        stack.callback(end_program, server)
        cluster = Flink(
            rest=f"http://localhost:{rest}",
            job_endpoint=f"localhost:{job}",
            artifact_endpoint=f"localhost:{artifact}",
            logs=logs,
            _directory=directory,
            _task_manager=_task_manager(directory, logs),
        )
        stack.callback(lambda: end_program(cluster._task_manager))
        await_true(lambda: cluster.get("/overview")["slots-total"] == slots, list(logs.iterdir()))
        await_port(job, list(logs.iterdir()))
        yield cluster


def job_server_jar(runner: str) -> Path:
    """Returns the jar of Beam's job server for a runner; Maven builds it when first needed."""
    if not os.environ.get("HEADRACE_FLINK"):
        pytest.skip("it needs Java and 700 MB from Maven Central and PyPI: set HEADRACE_FLINK=1")
    program("java", "no job server can be started")
    maven = program("mvn", "no job server can be built")
    jar = _CACHE / f"job-server-{runner}.jar"
    if not jar.is_file():
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="headrace-maven-") as directory:
            shutil.copy(_POM, directory)
            command = [maven, "--batch-mode", "--quiet", f"--activate-profiles={runner}", "package"]
            subprocess.run(command, cwd=directory, check=True)
            shutil.copy(f"{directory}/target/job-server.jar", jar.with_suffix(".part"))
        jar.with_suffix(".part").rename(jar)
    return jar


def _libraries() -> Path:
    """Returns the directory of Flink's jars, which come from PyPI."""
    directory = _CACHE / f"flink-{FLINK_VERSION}"
    if not directory.is_dir():
        with tempfile.TemporaryDirectory(prefix="headrace-flink-") as download:
            package = f"apache-flink-libraries=={FLINK_VERSION}"
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
            subprocess.run([*pip, download, package], check=True)
            (archive,) = Path(download).glob("*.tar.gz")
            part = directory.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            with tarfile.open(archive) as files:
                for member in files:
                    name = Path(member.name)
                    if name.suffix == ".jar" and name.name.startswith(("flink-dist", "log4j")):
                        member.name = name.name
                        files.extract(member, part, filter="data")
        part.rename(directory)
    return directory


def _configure(directory: Path, settings: Mapping[str, str]) -> None:
    (directory / "tmp").mkdir()
    lines = [f"{key}: {value}\n" for key, value in settings.items()]
    (directory / "flink-conf.yaml").write_text("".join(lines), "utf-8")
    (directory / "log4j.properties").write_text(
        "rootLogger.level = INFO\n"
        "rootLogger.appenderRef.console.ref = Console\n"
        "appender.console.name = Console\n"
        "appender.console.type = CONSOLE\n"
        "appender.console.layout.type = PatternLayout\n"
        "appender.console.layout.pattern = %d %-5p %c %x - %m%n\n",
        "utf-8",
    )


def _task_manager(directory: Path, logs: Path) -> "subprocess.Popen[bytes]":
    entry = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
    memory = ("-Xmx512m", "-XX:MaxDirectMemorySize=256m", "-XX:MaxMetaspaceSize=256m")
    return _flink_program(directory, logs, "task-manager", entry, *memory)


def _flink_program(
    directory: Path, logs: Path, name: str, entry: str, *options: str
) -> "subprocess.Popen[bytes]":
    logging = f"-Dlog4j.configurationFile={directory / 'log4j.properties'}"
    # Flink's scripts put its own jar after all others.
    jars = sorted(
        (directory / "lib").iterdir(), key=lambda jar: (jar.name.startswith("flink-dist"), jar.name)
    )
    classpath = os.pathsep.join(map(str, jars))
    command = ["java", *options, *JAVA_OPENS, logging, "-cp", classpath, entry]
    return start_program([*command, "--configDir", str(directory)], logs / f"{name}.log")
