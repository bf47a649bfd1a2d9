"""An object store on this machine with the S3 protocol."""

import contextlib
import logging
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import boto3
from moto.server import ThreadedMotoServer
from pyarrow import fs

BUCKET = "bucket"


@contextlib.contextmanager
def s3() -> Iterator[dict[str, str]]:
    """Runs an S3 server with one bucket; yields the variables with which a task finds it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }
    # The data of an earlier server of this process still exists, so remove it.
    urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", data=b"").close()
    with mock.patch.dict(os.environ, environment):
        store(environment).create_dir(BUCKET)
    try:
        yield environment
    finally:
        server.stop()


def store(environment: dict[str, str]) -> fs.FileSystem:
    """Returns the S3 server as a file system."""
    return fs.S3FileSystem(
        access_key=environment["AWS_ACCESS_KEY_ID"],
        secret_key=environment["AWS_SECRET_ACCESS_KEY"],
        endpoint_override=environment["AWS_ENDPOINT_URL"].removeprefix("http://"),
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
    )


def put(environment: dict[str, str], directory: Path, key: str) -> None:
    """Copies a directory's files to a key of the S3 server's bucket."""
    filesystem = store(environment)
    for file in directory.rglob("*"):
        if file.is_file():
            name = f"{BUCKET}/{key}/{file.relative_to(directory).as_posix()}"
            with filesystem.open_output_stream(name, compression=None) as sink:
                sink.write(file.read_bytes())


def put_key(environment: dict[str, str], key: str, content: bytes | None = b"x") -> None:
    """Makes an object with any key, which need not be a path; deletes it if `content` is None."""
    client = boto3.client(
        "s3",
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
    )
    if content is None:
        client.delete_object(Bucket=BUCKET, Key=key)
    else:
        client.put_object(Bucket=BUCKET, Key=key, Body=content)
