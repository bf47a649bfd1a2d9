"""A package index on this disk, for environments that tests make without a network."""

import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from headrace.targets.local.runners import environments


class PackageIndex:
    """Wheels in a directory, the only source of packages for uv and pip."""

    def __init__(self, directory: Path) -> None:
        self.wheels = directory / "index"
        self.environments = directory / "environments"
        self.wheels.mkdir()

    def add(self, name: str, version: str, code: str) -> None:
        """Adds a package with one module of the same name."""
        self._write(name, version, {f"{name}.py": code.encode()}, "")

    def add_installed(self, name: str) -> None:
        """Adds a package from the environment of the tests."""
        found = metadata.distribution(name)
        files = {
            str(file): Path(str(file.locate())).read_bytes()
            for file in found.files or ()
            if file.parts[0] == name and file.suffix != ".pyc"
        }
        requires = "".join(f"Requires-Dist: {each}\n" for each in found.requires or ())
        self._write(name, found.version, files, requires)

    def made(self) -> list[str]:
        """Returns the names of the existing environments."""
        found = self.environments.iterdir() if self.environments.exists() else ()
        return sorted(path.name for path in found if path.suffix != ".lock")

    def _write(self, name: str, version: str, files: dict[str, bytes], requires: str) -> None:
        info = f"{name}-{version}.dist-info"
        files = {
            **files,
            f"{info}/METADATA": (
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
            ).encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nTag: py3-none-any",
        }
        with zipfile.ZipFile(self.wheels / f"{name}-{version}-py3-none-any.whl", "w") as archive:
            for path, content in files.items():
                archive.writestr(path, content)
            record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
            archive.writestr(f"{info}/RECORD", record)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackageIndex:
    """The only index for uv and pip, and a directory of environments for this test."""
    index = PackageIndex(tmp_path)
    monkeypatch.setenv(environments.VARIABLE, str(index.environments))
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.setenv(name, str(index.wheels))
    for name in ("PIP_NO_INDEX", "UV_NO_INDEX", "UV_NO_CACHE"):
        monkeypatch.setenv(name, "1")
    return index
