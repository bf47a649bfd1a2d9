"""Components on a real Apache Spark; runs with HEADRACE_FLINK=1, like those on Flink."""

from pathlib import Path

from support.launcher.beam_penguins import check_equal_to_embedded
from support.programs.spark_cluster import spark


def test_rows_and_statistics_of_the_penguins_equal_the_embedded_engines(tmp_path: Path) -> None:
    with spark() as args:
        logs = check_equal_to_embedded([*args, "--environment_type=LOOPBACK"], tmp_path)

    assert ["is DONE." in log for log in logs] == [True, True]
