"""docs/profile.md has every field, and its example is a profile."""

import dataclasses
import re
from pathlib import Path

from headrace.profiles.beam import BeamRunner
from headrace.profiles.caching import Caching
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile, read_profile
from headrace.profiles.tasks import TaskSettings
from headrace.targets.kubeflow.settings import Kubeflow
from headrace.targets.vertex.settings import Vertex

PAGE = (Path(__file__).parents[2] / "docs" / "profile.md").read_text("utf-8")


def example(directory: Path) -> Profile:
    """Returns the page's profile, with digests in place of dots."""
    found = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    (directory / "images").mkdir()
    (directory / "images/digests.json").write_text("{}", "utf-8")
    text = re.sub(r"sha256:[.]{3}", f"sha256:{'0a' * 32}", found[1])
    (directory / "headrace.toml").write_text(text, "utf-8")
    return read_profile(directory / "headrace.toml")


def test_the_example_sets_every_field_of_images_and_targets(tmp_path: Path) -> None:
    profile = example(tmp_path)

    for settings in (
        profile.caching,
        profile.images,
        profile.table_of(Vertex),
        profile.table_of(Kubeflow),
    ):
        unset = [
            field.name
            for field in dataclasses.fields(settings)
            if not getattr(settings, field.name)
        ]
        assert unset == [], type(settings)


def test_the_tables_of_tasks_and_of_beam_name_every_field() -> None:
    rows = "\n".join(row.split("|")[1] for row in PAGE.splitlines() if row.startswith("| `"))

    for table in (TaskSettings, BeamRunner):
        fields = [field.name for field in dataclasses.fields(table)]
        assert [name for name in fields if f"`{name}`" not in rows] == [], table


def test_the_example_speaks_of_a_task_on_all_targets_and_on_one(tmp_path: Path) -> None:
    profile = example(tmp_path)

    assert profile.tasks.tasks["trainer"].accelerator == "nvidia-l4"
    assert profile.target_tasks["kubeflow"].tasks["trainer"].shm == "8Gi"
    assert profile.beam["dataflow"].max_workers == 50


def test_the_page_names_every_kind_of_table() -> None:
    for table in (Caching, Images, Vertex, Kubeflow):
        assert f"[{table.__name__.lower()}]" in PAGE
