"""A compiled pipeline from outside is read within limits, or refused with one line."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from kfp import dsl
from kfp.pipeline_spec import pipeline_spec_pb2

import headrace
from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.ir.validation import messages
from headrace.ir.validation.reading import MAX_DEPTH, MAX_NODES, read_documents
from headrace.profiles.profile import Profile
from headrace.targets.local import engine, runnable
from headrace.targets.local.records.store import RunStore
from headrace.targets.local.shared.options import Options
from headrace.targets.local.shared.pipelines import checked_pipeline
from headrace.targets.remote.ordering import order_of
from headrace_components.catalog import latest_artifact
from headrace_components.contract.errors import InputError
from headrace_components.contract.templates import TEMPLATES_INPUT
from support.cases.local_pipelines import compiled, step

GOLDEN = Path(__file__).parents[1] / "golden"


@dsl.pipeline(name="one")
def one(value: str = "a") -> None:
    first = step(name="one", value=value)
    step(name="two", value=first.outputs["text"])


@dsl.pipeline(name="inner")
def inner(value: str) -> None:
    step(name="inner", value=value)


@dsl.pipeline(name="outer")
def outer(value: str = "a") -> None:
    with dsl.If(value == "a"):
        inner(value=value)
    with dsl.ParallelFor(["a", "b"]) as item:
        step(name="loop", value=item)


def written(document: Any, path: Path) -> Path:
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return path


def refusal(document: Any, directory: Path, name: str = "p.json") -> str:
    """Returns the line with which `headrace run` refuses a file; nothing has run."""
    with pytest.raises(InputError) as caught:
        headrace.run(written(document, directory / name), root=directory / "root")
    assert not (directory / "root").exists()
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"headrace run: {directory / name}")
    return message.removeprefix(f"headrace run: {directory / name}").removeprefix(": ")


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_yaml_is_read_as_pyyaml_reads_it(golden: Path) -> None:
    expected = list(yaml.safe_load_all(golden.read_text("utf-8")))

    assert read_documents(golden, "run") == expected


def test_every_form_of_yaml_that_json_has_is_read(tmp_path: Path) -> None:
    text = (
        "a: &x {b: [1, 2.5, 1e3, true, null, ~, 'it''s', \"a\\tb\"]}\n"
        "c: *x\n? d\n: |\n  one\n  two\ne: >-\n  one\n  two\nf: !!str 1\ng: 2\nh:\n"
    )

    (found,) = read_documents(written(text, tmp_path / "p.yaml"), "run")

    assert found == yaml.safe_load(text)


BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40)
)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("p.yaml", "[" * 200_000, f"line 1: objects and lists are nested deeper than {MAX_DEPTH}"),
        ("p.yaml", "\n".join(" " * n + "a:" for n in range(5000)), f"deeper than {MAX_DEPTH}"),
        ("p.json", '{"a":' * 200_000, f"deeper than {MAX_DEPTH} levels"),
        ("p.json", "[" * 101 + "]" * 101, f"deeper than {MAX_DEPTH} levels"),
        ("p.yaml", BOMB, f"stands for more than {MAX_NODES:,} values"),
        ("p.yaml", "a: &a [*a]", "line 1: the alias *a stands within what it names"),
        ("p.yaml", "a: *b", "is not YAML: line 1: the alias *b names nothing before it"),
        ("p.yaml", "a: 1\na: 2", "is not YAML: line 2 has the key 'a' a second time"),
        ("p.json", '{"a": 1, "a": 2}', "is not JSON: an object has the key 'a' twice"),
        ("p.yaml", "a: .nan", "line 1 has the number .nan, which JSON lacks"),
        ("p.json", '{"a": NaN}', "it has the number NaN, which JSON lacks"),
        ("p.yaml", "a: 2026-01-31", "'2026-01-31', which YAML takes for a timestamp"),
        ("p.yaml", "1: a", "line 1 has the key 1, expected a text"),
        ("p.yaml", "[a]: b", "line 1 has the key ['a'], expected a text"),
        ("p.yaml", "a: !!python/none x", "has 'x', which YAML takes for a python/none"),
        ("p.yaml", "a: !!set {b}", "has a tag 'tag:yaml.org,2002:set', which JSON lacks"),
        ("p.yaml", f"a: {'1' * 5000}", "for a int"),
        ("p.yaml", "a: \0", "is not YAML"),
        ("p.yaml", "", "the file is empty, expected a compiled pipeline"),
        ("p.yaml", "# nothing\n", "the file is empty"),
        ("p.json", "", "is not JSON: Expecting value"),
        ("p.yaml", "text", "holds str data, expected a compiled pipeline"),
    ],
)
def test_a_file_beyond_the_bounds_of_json_is_refused(
    name: str, text: str, words: str, tmp_path: Path
) -> None:
    assert words in refusal(text, tmp_path, name)


def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_bytes(b"# caf\xc3\xa9\n# caf\xe9\n")

    with pytest.raises(InputError, match=r"p\.yaml: line 2 has the byte 0xe9, which is not UTF-8"):
        headrace.run(file, root=tmp_path / "root")


def test_a_mark_of_utf8_is_no_part_of_the_data(tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_bytes(b"\xef\xbb\xbf[1]")

    assert read_documents(file, "run") == [[1]]


def test_more_documents_than_a_pipeline_has_are_refused(tmp_path: Path) -> None:
    pipeline = yaml.safe_dump(compiled(one))
    text = f"{pipeline}\n---\nplatforms: {{}}\n"

    assert "its second document: the whole has 'a'" in refusal(
        f"{pipeline}\n---\na: 1\n", tmp_path, "p.yaml"
    )
    assert "it holds 3 documents" in refusal(f"{text}---\na: 1\n", tmp_path, "p.yaml")
    assert "kubernetes.deploymentSpec is a list" in refusal(
        f"{pipeline}\n---\nplatforms: {{kubernetes: {{deploymentSpec: []}}}}\n", tmp_path, "p.yaml"
    )


def tasks(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = spec["root"]["dag"]["tasks"]
    return found


def container(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = spec["deploymentSpec"]["executors"]["exec-step"]["container"]
    return found


Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.update(pipelineInfo={}), "pipelineInfo lacks `name`; it has []"),
        (lambda s: s.update(root=[]), "root is a list, expected an object"),
        (lambda s: s.update(deployment_spec={}), "Did you mean `deploymentSpec`?"),
        (lambda s: s["root"].pop("dag"), "root lacks one of ['dag', 'executorLabel']"),
        (lambda s: tasks(s).update(step=None), "root.dag.tasks.step is null, expected an object"),
        (
            lambda s: tasks(s)["step"].pop("componentRef"),
            "root.dag.tasks.step lacks `componentRef`",
        ),
        (
            lambda s: tasks(s)["step"].update(inputs=[]),
            "root.dag.tasks.step.inputs is a list, expected an object, TaskInputsSpec",
        ),
        (
            lambda s: tasks(s)["step"].update(dependentTasks="step-2"),
            "root.dag.tasks.step.dependentTasks is 'step-2', expected a list",
        ),
        (
            lambda s: tasks(s)["step"].update(dependentTasks=["stepp"]),
            "the pipeline has no task 'stepp', which root.dag.tasks.step.dependentTasks[0] names; "
            "it has ['step', 'step-2']. Did you mean 'step'?",
        ),
        (
            lambda s: tasks(s)["step"]["componentRef"].update(name="comp-stop"),
            "has no component 'comp-stop', which root.dag.tasks.step.componentRef names",
        ),
        (
            lambda s: s["components"]["comp-step"].update(executorLabel="exec"),
            "has no executor 'exec', which components.comp-step.executorLabel names",
        ),
        (
            lambda s: tasks(s)["step-2"]["inputs"]["parameters"]["value"][
                "taskOutputParameter"
            ].update(outputParameterKey="txt"),
            "has no output of `step` named 'txt'",
        ),
        (
            lambda s: tasks(s)["step-2"]["inputs"]["parameters"]["value"][
                "taskOutputParameter"
            ].update(producerTask="step-2"),
            "in root, tasks wait for each other: ['step-2', 'step-2']",
        ),
        (
            lambda s: tasks(s)["step"].update(retryPolicy={"maxRetryCount": "two"}),
            "retryPolicy.maxRetryCount is 'two', expected a whole number",
        ),
        (
            lambda s: tasks(s)["step"].update(retryPolicy={"backoffDuration": "soon"}),
            "backoffDuration is 'soon', expected a time such as '30s'",
        ),
        (
            lambda s: tasks(s)["step"].update(triggerPolicy={"condition": "inputs.x"}),
            "root.dag.tasks.step: the condition 'inputs.x' could not be decided",
        ),
        (
            lambda s: tasks(s)["step"].update(triggerPolicy={"condition": "!" * 5000}),
            "it has more than 100 brackets and negations",
        ),
        (
            lambda s: tasks(s)["step"]["inputs"]["parameters"]["value"].update(
                parameterExpressionSelector="parseJson(" * 5000
            ),
            "`value`: the selector 'parseJson(",
        ),
        (
            lambda s: tasks(s)["step"].update(
                parameterIterator={"itemInput": "value", "items": {"raw": "{}"}}
            ),
            "parameterIterator.items.raw is '{}', expected a list as JSON",
        ),
        (
            lambda s: tasks(s)["step"]["inputs"]["parameters"].update(
                {TEMPLATES_INPUT: {"runtimeValue": {"constant": "STRING"}}}
            ),
            "expected an object with the types of parameters by name",
        ),
        (
            lambda s: tasks(s)["step"]["inputs"]["parameters"].update(
                {TEMPLATES_INPUT: {"runtimeValue": {"constant": {"valu": "STRING"}}}}
            ),
            "the pipeline has no parameter 'valu', which root.dag.tasks.step.inputs.parameters.",
        ),
        (
            lambda s: s["root"]["inputDefinitions"]["parameters"].update(value={"type": "STRING"}),
            "It is of an older kfp, which wrote `type`",
        ),
        (lambda s: container(s).update(image=3), "container.image is 3, expected a text"),
        (
            lambda s: container(s).update(args=['{"IfPresent": {"Then": []}}']),
            "exec-step.container.args[0] is",
        ),
        (lambda s: container(s).update(command=["\ud800"]), "expected a text of whole characters"),
    ],
)
def test_a_fault_is_named_with_its_place(change: Change, words: str, tmp_path: Path) -> None:
    spec = compiled(one)
    change(spec)

    assert words in refusal(spec, tmp_path)


def test_sub_pipelines_have_an_end(tmp_path: Path) -> None:
    spec = compiled(outer)
    circle = json.loads(json.dumps(spec))
    inside = circle["components"]["comp-condition-1"]["dag"]["tasks"]["inner"]
    inside["componentRef"]["name"] = "comp-condition-1"
    assert "['comp-condition-1', 'comp-condition-1'] contain each other" in refusal(
        circle, tmp_path
    )

    leaf = tasks(spec)["for-loop-3"]["componentRef"]
    bomb = json.loads(json.dumps(spec))
    for number in range(30):  # 2 ** 30 tasks
        below = {"name": f"comp-{number - 1}"} if number else leaf
        bomb["components"][f"comp-{number}"] = {
            "dag": {"tasks": {name: {"componentRef": below} for name in "ab"}}
        }
    bomb["root"] = {"dag": {"tasks": {"top": {"componentRef": {"name": "comp-29"}}}}}
    assert "expected at most 10,000" in refusal(bomb, tmp_path)


NAMES = ["", ".", "..", "/tmp/x", "../../x", "a/b", "a\0b", "a\nb", ".cache", "a,readonly=false"]
NAMES += ["*", "-rf", "a\\b", "x" * 129]


def with_name(place: str, name: str) -> dict[str, Any]:
    spec = compiled(one)
    if place == "pipeline":
        spec["pipelineInfo"]["name"] = name
    elif place == "task":
        tasks(spec)[name] = tasks(spec).pop("step-2")
    elif place == "inner task":
        spec = compiled(outer)
        inside = spec["components"]["comp-inner"]["dag"]["tasks"]
        inside[name] = inside.pop("step")
    else:
        outputs = spec["components"]["comp-step-2"]["outputDefinitions"][place]
        outputs[name] = outputs.pop(next(iter(outputs)))
    return spec


@pytest.mark.parametrize("place", ["pipeline", "task", "inner task", "artifacts", "parameters"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_could_lead_elsewhere_is_refused_before_anything_runs(
    place: str, name: str, tmp_path: Path
) -> None:
    spec = with_name(place, name)

    with pytest.raises(InputError, match="a name becomes a directory") as caught:
        headrace.run(spec, root=tmp_path / "root")

    assert "\n" not in str(caught.value)
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("runner", ["worker", "process", "venv", "docker", "podman"])
def test_no_runner_sees_a_name_that_leads_elsewhere(runner: Any, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "kept").touch()
    options = Options(root=tmp_path / "root", runner=runner)

    with pytest.raises(InputError, match="a name becomes a directory"):
        engine.start(with_name("task", str(victim)), options=options)

    assert (victim / "kept").exists()


def test_names_too_long_for_one_file_are_refused(tmp_path: Path) -> None:
    spec = compiled(outer)
    for number in range(20):
        name = f"comp-{number}"
        below = f"comp-{number - 1}" if number else "comp-for-loop-3"
        spec["components"][name] = {
            "dag": {"tasks": {"a-sub-pipeline": {"componentRef": {"name": below}}}}
        }
    spec["root"] = {"dag": {"tasks": {"top": {"componentRef": {"name": "comp-19"}}}}}

    assert "bytes, expected at most 240" in refusal(spec, tmp_path)


@pytest.mark.parametrize("path", [("/etc",), ("..",), ("a", ".."), ("a/../..",), ("",)])
def test_a_store_knows_no_task_outside_of_its_run(path: tuple[str, ...], tmp_path: Path) -> None:
    store = RunStore.create(tmp_path, "pipeline", "run", {})

    for look in (store.result, store.attempt, store.log_path):
        with pytest.raises(InputError, match="is not a path of a task"):
            look(path)


def test_a_sound_pipeline_runs_from_its_file_and_says_what_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal.txt"))
    spec = compiled(one)
    container(spec)["env"] = [{"name": "A", "value": "\x1b[31m"}]
    container(spec)["image"] = "test\x1b[31m"
    platform: dict[str, Any] = {
        "platforms": {
            "kubernetes": {
                "deploymentSpec": {"executors": {"exec-step": {"pvcMount": [{}]}}},
                # It has an effect: every run has a workspace.
                "pipelineConfig": {"workspace": {"size": "1Gi"}},
            }
        }
    }
    text = yaml.safe_dump_all([spec, platform])

    ended = subprocess.run(
        [sys.executable, "-m", "headrace.cli.main", "run", written(text, tmp_path / "p.yaml")],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    head, *lines = ended.stderr.splitlines()
    assert head == "Tasks that are not of Headrace run these commands with your rights:"
    assert lines[0].startswith("  step runs python -c import json, os")
    assert lines[0].endswith("(image test?[31m)")
    assert lines[1].startswith("  step-2 runs python -c import json, os")
    assert lines[2] == "step: mount_pvc of kfp.kubernetes has no effect on this machine."
    assert lines[3].startswith("Run ")


@pytest.mark.parametrize("runner", ["worker", "venv", "docker"])
def test_a_damaged_pipeline_in_the_record_of_a_run_is_refused(runner: Any, tmp_path: Path) -> None:
    ended = headrace.run(with_name("task", "two"), root=tmp_path)
    file = tmp_path / "one" / ended.run_id / "run.json"
    record = json.loads(file.read_text("utf-8"))
    for spec, words in (
        (with_name("task", "/tmp/x"), "a name becomes a directory"),
        ({**compiled(one), "deploymentSpec": []}, "deploymentSpec is a list"),
    ):
        file.write_text(json.dumps({**record, "spec": spec}), "utf-8")

        with pytest.raises(InputError, match=words):
            headrace.resume(ended.run_id, root=tmp_path, runner=runner)


def test_what_kfp_compiled_alone_runs_as_what_headrace_compiled(tmp_path: Path) -> None:
    @dsl.pipeline(name="alone")
    def alone(root: str = "there") -> None:
        latest_artifact(producer="trainer", output="model", search_root=f"{root}/runs")

    ours = compile_for(load(alone), "local", Profile()).document
    (task,) = tasks(ours).values()

    for document in (compiled(alone), ours):
        found = runnable.load(written(document, tmp_path / "p.json")).spec
        (again,) = tasks(found).values()
        assert (
            again["inputs"]["parameters"]["search_root"]
            == (task["inputs"]["parameters"]["search_root"])
        )
    assert runnable.load(tmp_path / "p.json").spec == ours


def test_settings_of_kubernetes_in_a_pipeline_file_get_a_word(tmp_path: Path) -> None:
    text = (
        "from kfp import dsl, kubernetes\n\n"
        "@dsl.container_component\ndef use():\n"
        "    return dsl.ContainerSpec(image='mine', command=['use'])\n\n"
        "@dsl.pipeline(name='p')\ndef p():\n    task = use()\n"
        "    kubernetes.use_secret_as_env(task, 's', {'k': 'K'})\n"
        "    kubernetes.add_node_selector(task, 'a', 'b')\n"
    )

    (notice,) = runnable.load(written(text, tmp_path / "p.py")).notices

    assert notice.startswith("use: add_node_selector, use_secret_as_env of kfp.kubernetes have no")


def test_a_missing_file_is_missed_by_the_command_that_was_given(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^headrace run: '.*nothere\.py' is not there"):
        headrace.run(tmp_path / "nothere.py")
    with pytest.raises(InputError, match=r"^headrace submit: '.*nothere\.py' is not there"):
        order_of(str(tmp_path / "nothere.py"), "vertex", Profile(), ())


KINDS = {
    FieldDescriptor.TYPE_STRING: messages.STRING,
    FieldDescriptor.TYPE_BOOL: messages.BOOL,
    FieldDescriptor.TYPE_INT32: messages.INTEGER,
    FieldDescriptor.TYPE_INT64: messages.INTEGER,
    FieldDescriptor.TYPE_DOUBLE: messages.DOUBLE,
}
WELL_KNOWN = {"Struct": messages.STRUCT, "Value": messages.VALUE, "Duration": messages.DURATION}


def kind_of(field: FieldDescriptor) -> messages.FieldKind:
    message = field.message_type
    if message and message.GetOptions().map_entry:
        return messages.Objects(str(single_kind(message.fields_by_name["value"])))
    single = single_kind(field)
    is_list = field.label == FieldDescriptor.LABEL_REPEATED
    return messages.Items(str(single)) if is_list else single


def single_kind(field: FieldDescriptor) -> messages.FieldKind:
    if field.message_type:
        _, _, name = field.message_type.full_name.partition(".")
        is_ours = field.message_type.full_name.startswith("ml_pipelines.")
        return name if is_ours else WELL_KNOWN[name.rpartition(".")[2]]
    if field.enum_type:
        return messages.Choice(tuple(value.name for value in field.enum_type.values))
    return KINDS[field.type]


def nested(descriptor: Descriptor, seen: dict[str, Descriptor]) -> dict[str, Descriptor]:
    """Returns the kfp messages in a message, by name."""
    package, _, name = descriptor.full_name.partition(".")
    if package == "ml_pipelines" and name not in seen:
        if not descriptor.GetOptions().map_entry:
            seen[name] = descriptor
        for field in descriptor.fields:
            if field.message_type:
                nested(field.message_type, seen)
    return seen


def test_the_messages_are_those_of_kfp() -> None:
    seen: dict[str, Descriptor] = {}
    for name in ("PipelineSpec", "PlatformSpec", "PipelineDeploymentConfig"):
        nested(getattr(pipeline_spec_pb2, name).DESCRIPTOR, seen)

    assert seen.keys() <= messages.MESSAGES.keys()
    for name, descriptor in seen.items():
        for field in descriptor.fields:
            known = messages.MESSAGES[name][field.json_name]
            if name == "PipelineSpec" and field.json_name == "deploymentSpec":
                continue  # a Struct with a PipelineDeploymentConfig
            expected = kind_of(field)
            if isinstance(expected, messages.Choice) and isinstance(known, messages.Choice):
                assert set(expected.of) <= set(known.of), (name, field.json_name)
            else:
                assert known == expected, (name, field.json_name)
        for oneof in descriptor.oneofs:
            if len(oneof.fields) > 1:
                names = {field.json_name for field in oneof.fields}
                is_type = name == "ArtifactTypeSchema"
                assert is_type or names == set(messages.EXCLUSIVE[name]), name


def test_a_negative_number_of_retries_is_refused_before_anything_runs(tmp_path: Path) -> None:
    spec = compiled(one)
    spec["root"]["dag"]["tasks"]["step"]["retryPolicy"] = {"maxRetryCount": -1}

    with pytest.raises(InputError, match=r"task `step`: .*num_retries=-1, expected 0 or more"):
        headrace.run(spec, root=tmp_path)
    # A run of an earlier version may be resumed.
    with pytest.raises(InputError, match=r"step: .*`maxRetryCount` is -1, expected 0 or more"):
        checked_pipeline(spec)

    assert not list(tmp_path.iterdir())
