"""Makes the archives that kfp embeds in components the same in every compilation.

kfp packs a notebook, and the files of `embedded_artifact_path`, into a tar file with the times and
owners of the files, and compresses it with the current time. The same files must give the same
bytes, or no cache would answer.
"""

import base64
import gzip
import io
import re
import tarfile
import zlib
from typing import Any

from headrace.ir import specs

# `_generate_shared_extraction_helper` and `get_notebook_executor_source` of kfp.
_ARCHIVE = re.compile(r"(__KFP_EMBEDDED_ARCHIVE_B64 = ')([A-Za-z0-9+/]+={0,2})(?=')")


def fix_archives(spec: specs.Spec) -> None:
    """Rewrites the archives in the commands of `spec`, in place, without times and owners."""
    for executor in specs.executors(spec).values():
        command = executor.get("container", {}).get("command", [])
        for number, text in enumerate(command):
            if _ARCHIVE.search(text):
                command[number] = _ARCHIVE.sub(_fixed, text)


def _fixed(match: re.Match[str]) -> str:
    try:
        archive = gzip.decompress(base64.b64decode(match[2]))
        same = gzip.compress(_without_times(archive), mtime=0)
    except (ValueError, OSError, EOFError, zlib.error, tarfile.TarError):
        return match[0]  # not an archive of kfp
    return match[1] + base64.b64encode(same).decode("ascii")


def _without_times(archive: bytes) -> bytes:
    written = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as source,
        tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as target,
    ):
        for member in sorted(source.getmembers(), key=lambda each: each.name):
            content: Any = source.extractfile(member) if member.isreg() else None
            member.mtime, member.pax_headers = 0, {}
            member.uid, member.gid, member.uname, member.gname = 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            target.addfile(member, content)
    return written.getvalue()
