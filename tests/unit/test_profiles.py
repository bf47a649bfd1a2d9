"""Target profiles: what is read, and the messages about mistakes in `headrace.toml`."""

import json
from pathlib import Path

import pytest

from headrace.errors import CompileError
from headrace.profiles.profile import Profile, read_profile
from headrace.targets.kubeflow.settings import Kubeflow
from headrace.targets.vertex.settings import Vertex

DIGEST = "sha256:" + "0123456789abcdef" * 4


def write(directory: Path, text: str) -> Path:
    path = directory / "headrace.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_whole_profile_is_read(tmp_path: Path) -> None:
    profile = read_profile(
        write(
            tmp_path,
            f"""
            [images]
            registry = "ghcr.io/mine"
            digests = {{ pusher = "{DIGEST}" }}
            [vertex]
            pipeline_root = "gs://bucket/root"
            project = "my-project"
            region = "europe-west1"
            service_account = "runner@my-project.iam.gserviceaccount.com"
            display_name = "flights"
            labels = {{ team = "ops" }}
            parameters = {{ rows = 3 }}
            [kubeflow]
            pipeline_root = "minio://mlpipeline/root"
            """,
        )
    )

    assert profile.images.digests == {"pusher": DIGEST}
    assert profile.table_of(Vertex).region == "europe-west1"
    assert profile.table_of(Vertex).parameters == {"rows": 3}
    assert profile.table_of(Kubeflow).pipeline_root == "minio://mlpipeline/root"
    assert profile.directory == tmp_path


@pytest.mark.parametrize("host", ["ghcr.io/mine", "localhost", "registry:5000", "10.0.0.1:443/a/b"])
def test_an_image_of_the_authors_own_is_a_whole_reference(host: str, tmp_path: Path) -> None:
    image = f"{host}/flights-trainer@{DIGEST}"

    profile = read_profile(write(tmp_path, f'[images.tasks]\n"inner/trainer" = "{image}"\n'))

    assert profile.images.tasks == {"inner/trainer": image}


def test_without_a_file_every_setting_has_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert read_profile() == Profile()


def test_the_file_of_the_current_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, '[images]\nregistry = "ghcr.io/mine"\n')
    monkeypatch.chdir(tmp_path)

    assert read_profile().images.registry == "ghcr.io/mine"


def test_digests_come_from_the_file_that_the_build_leaves(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    recorded = {"pusher": DIGEST, "trainer": DIGEST}
    (tmp_path / "images" / "digests.json").write_text(json.dumps(recorded), "utf-8")
    other = DIGEST.replace("0", "f")

    profile = read_profile(write(tmp_path, f'[images.digests]\ntrainer = "{other}"\n'))

    assert profile.images.digests == {"pusher": DIGEST, "trainer": other}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[vertex", r"headrace.toml: not TOML: .*line 1.* Correct that line"),
        ("[vertx]", r"unknown table `vertx`, known: .* Did you mean `vertex`\?"),
        ('[vertex]\nregoin = "x"', r"\[vertex\]: unknown setting `regoin`.* you mean `region`\?"),
        ("[vertex]\nzzz = 1", r"unknown setting `zzz`, known: \['display_name', .* Remove it"),
        ("[vertex]\nregion = 1", r"\[vertex\] `region` is 1, expected a string"),
        ('[vertex]\nlabels = "x"', r"\[vertex\] `labels` is 'x', expected a table"),
        ('vertex = "x"', r"`vertex` is 'x', expected a table. Write \[vertex\] on a line"),
        ('[vertex]\npipeline_root = "s3://b"', r"`pipeline_root` is 's3://b', but Vertex AI keeps"),
        ('[vertex]\npipeline_root = "gs:///b"', r"is 'gs:///b', .* Give a URI such as 'gs://my-bu"),
        ('[vertex]\nservice_account = "me"', r"`service_account` is 'me', expected an e-mail"),
        (
            '[vertex]\nlabels = { Team = "x" }',
            r"label 'Team' = 'x', expected at most 63 lower-case",
        ),
        ('[kubeflow]\npipeline_root = "minio://"', r"is 'minio://', expected a bucket and a dir"),
        ('[kubeflow]\npipeline_root = "gs:///b"', r"is 'gs:///b', expected a bucket and a dir"),
        ('[kubeflow]\npipeline_root = "s3://b//c"', r"is 's3://b//c', expected a bucket and a di"),
        ('[kubeflow]\npipeline_root = "/data"', r"`pipeline_root` is '/data', expected a URI"),
        ('[images]\nregistry = "https://x/"', r"`registry` is 'https://x/', expected a host and"),
        ('[images]\nregistry = "mine"', r"`registry` is 'mine', expected a host and a path"),
        ('[images.digests]\npusher = "latest"', r"the digest of 'pusher' is 'latest', expected"),
        (
            '[images.tasks]\ntrainer = "ghcr.io/mine/trainer:1.0"',
            r"the image of task 'trainer' is 'ghcr.io/mine/trainer:1.0', expected one pinned by "
            r"digest, for example .* `docker push` prints the digest",
        ),
        (
            f'[images.tasks]\ntrainer = "http://registry:5000/trainer@{DIGEST}"',
            r"is 'http://registry:5000/.*', expected one .* Leave out the scheme",
        ),
        (
            f'[images.components]\ntransform = "ghcr.io/mine/transform:1.0@{DIGEST}"',
            r"the image of component 'transform' is .* Write the host, no tag, and all 64 digits",
        ),
        (f'[images.tasks]\ntrainer = "mine/trainer@{DIGEST}"', r"Write the host, no tag"),
        ('[images.tasks]\ntrainer = "ghcr.io/trainer@sha256:1"', r"and all 64 digits"),
        ("[images.tasks]\ntrainer = 1", r"the image of task 'trainer' is 1, expected one pinned"),
        ('[images]\ntasks = "trainer"', r"\[images\] `tasks` is 'trainer', expected a table"),
        ("[images.task]", r"\[images\]: unknown setting `task`, .* Did you mean `tasks`\?"),
        (
            '[images]\ndigests_file = "gone.json"',
            r"`digests_file` is 'gone.json', which is not a file",
        ),
    ],
)
def test_a_mistake_is_named_with_the_next_step(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=message):
        read_profile(write(tmp_path, text + "\n"))


def test_a_missing_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"gone.toml' is not a file, expected a target profile"):
        read_profile(tmp_path / "gone.toml")


@pytest.mark.parametrize("text", ["[1]", "{"])
def test_a_damaged_digests_file_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "digests.json").write_text(text, "utf-8")

    with pytest.raises(CompileError, match=r"digests.json: .* [Ww]rite it again"):
        read_profile(write(tmp_path, '[images]\ndigests_file = "digests.json"\n'))


def test_settings_of_tasks_are_read_for_all_targets_and_for_one(tmp_path: Path) -> None:
    profile = read_profile(
        write(
            tmp_path,
            """
            [defaults]
            retries = 2
            [components.transform]
            beam = "big"
            [tasks."for-loop-1/trainer"]
            cpu = 4
            tolerations = [{ key = "gpu", operator = "Exists" }]
            [kubeflow]
            namespace = "flights"
            [kubeflow.defaults]
            volumes = { "/mnt/data" = "claim" }
            [vertex.tasks.trainer]
            machine_type = "a2-highgpu-1g"
            [beam.big]
            runner = "dataflow"
            options = ["--experiments=shuffle_mode=appliance"]
            """,
        )
    )

    assert profile.tasks.defaults.retries == 2
    assert profile.tasks.tasks["for-loop-1/trainer"].cpu == 4.0
    assert profile.tasks.tasks["for-loop-1/trainer"].tolerations[0]["key"] == "gpu"
    assert profile.target_tasks["kubeflow"].defaults.volumes == {"/mnt/data": "claim"}
    assert profile.target_tasks["vertex"].tasks["trainer"].machine_type == "a2-highgpu-1g"
    assert profile.table_of(Kubeflow).namespace == "flights"
    assert profile.beam["big"].options == ("--experiments=shuffle_mode=appliance",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[defaults]\nretrys = 1", r"\[defaults\]: unknown setting `retrys`.* mean `retries`\?"),
        ("[defaults]\ncpu = true", r"\[defaults\] `cpu` is True, expected a number"),
        ("[defaults]\ncpu = 0", r"`cpu` is 0, expected more than 0 cores"),
        ("[defaults]\nretries = 1.5", r"`retries` is 1.5, expected a whole number"),
        ("[defaults]\nretries = -1", r"`retries` is -1, expected 0 or more"),
        ("[tasks]\ntrainer = 1", r"`tasks.trainer` is 1, expected a table"),
        ('[tasks."a/b"]\nmemory = "16 GB"', r"`memory` is '16 GB', expected a size such as '16G'"),
        ('[tasks.a]\ntimeout = "2 hours"', r"`timeout` is '2 hours', expected a whole number of"),
        (
            '[tasks.a]\naccelerator = "nvidia-l40"',
            r"unknown accelerator `nvidia-l40`, known: .* Did you mean `nvidia-l4`\?",
        ),
        ('[tasks.a]\nenvironment = { "1A" = "x" }', r"the environment variable '1A' must consist"),
        ("[tasks.a]\nenvironment = { A = 1 }", r"`environment`\['A'\] is 1, expected a string"),
        ('[tasks.a]\nsecret_environment = { A = "key" }', r"has A = 'key', expected the secret's"),
        ('[tasks.a]\nvolumes = { data = "claim" }', r"the directory 'data', expected an absolute"),
        ('[tasks.a]\ntolerations = ["gpu"]', r"`tolerations` has 'gpu', expected tables as"),
        ('[tasks.a]\ntolerations = [{ kee = "gpu" }]', r"unknown field `kee`.*`key`\?"),
        ('[tasks.a]\nbeam = "flnk"\n[beam.flink]\nrunner = "direct"', r"`flnk`.* mean `flink`\?"),
        ("[vertex.task.a]\ncpu = 1", r"\[vertex\]: unknown setting `task`"),
        ('[beam.x]\nrunner = "samza"', r"`runner` is 'samza', expected one of \['dataflow'"),
        ('[beam.x]\nrunner = "flink"', r"runner 'flink' needs `job_endpoint`"),
        (
            '[beam.x]\nrunner = "spark"\njob_endpoint = "a:1"\nparallelism = 2',
            r"\[beam.x\] runner 'spark': unknown setting `parallelism`, known: ",
        ),
        (
            '[beam.x]\nrunner = "flink"\njob_endpoint = "a:1"\nrest = "flink:8081"',
            r"\[beam.x\] `rest` is 'flink:8081', expected the URL of Flink's REST API",
        ),
        (
            '[beam.x]\nrunner = "spark"\njob_endpoint = "a:1"\nenvironment = "EXTERNAL"',
            r"`environment` is 'EXTERNAL', which needs `environment_config`, the host and port of",
        ),
        (
            '[beam.x]\nrunner = "dataflow"\nlabels = { Team = "x" }',
            r"\[beam.x\] label 'Team' = 'x', expected at most 63 lower-case letters",
        ),
        (
            '[beam.x]\nrunner = "dataflow"\nnum_workers = 9\nmax_workers = 3',
            r"`num_workers` is 9, but `max_workers` is 3. Start with fewer, or allow more.",
        ),
        (
            '[beam.x]\nrunner = "direct"\nmax_workers = 3',
            r"runner 'direct': unknown setting `max_workers`, known: \['options', 'processes'",
        ),
        (
            '[beam.x]\nrunner = "dataflow"\ntemp_location = "/tmp"',
            r"`temp_location` is '/tmp', but Dataflow keeps",
        ),
        ('[vertex]\nnetwork = "default"', r"`network` is 'default', expected 'projects/NUMBER"),
        ('[vertex]\nencryption_key = "k"', r"`encryption_key` is 'k', expected 'projects/P"),
        ('[vertex]\nfailure_policy = "fats"', r"unknown value `fats`.* Did you mean `fast`\?"),
        ('[kubeflow]\nhost = "localhost:8888"', r"`host` is 'localhost:8888', expected a URL"),
        ('[kubeflow]\nimage_pull_policy = "always"', r"unknown value `always`.*`Always`\?"),
        ('[kubeflow]\nlarge_artifacts = "link"', r"unknown value `link`"),
    ],
)
def test_a_mistake_in_the_settings_of_tasks_is_named(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(CompileError, match=message):
        read_profile(write(tmp_path, text + "\n"))
