"""The report on anomalies: severity, advice, and a limited size."""

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from headrace_components.library.data import anomalies
from headrace_components.library.reports.anomalies import anomalies_report
from headrace_components.library.reports.anomaly_advice import advice
from headrace_components.library.reports.page import MAX_BYTES

Info = anomalies_pb2.AnomalyInfo


def anomaly(
    *types: str, severity: str = "ERROR", summary: str = "Wrong", detail: str = "3 rows"
) -> anomalies_pb2.AnomalyInfo:
    reasons = [
        Info.Reason(type=Info.Type.Value(kind), short_description=summary, description=detail)
        for kind in types
    ]
    return Info(severity=Info.Severity.Value(severity), reason=reasons)


def report(**diffs: anomalies_pb2.Anomalies) -> str:
    return anomalies_report("Title", "All is well.", diffs).decode()


def test_errors_come_before_warnings_and_both_are_counted() -> None:
    diff = anomalies_pb2.Anomalies(
        anomaly_info={
            "a": anomaly("INT_TYPE_BIG_INT", severity="WARNING"),
            "b": anomaly("SCHEMA_NEW_COLUMN"),
        }
    )

    text = report(train=diff, eval=anomalies_pb2.Anomalies())

    assert "<strong>2 anomalies</strong>" in text
    row = '<th scope="row">train</th><td class="num">1</td><td class="num">1</td>'
    assert row in text
    assert text.index("<h3>b</h3>") < text.index("<h3>a</h3>")
    assert '<span class="badge warn">warning</span>' in text


def test_an_anomaly_of_the_whole_data_set_is_shown() -> None:
    diff = anomalies_pb2.Anomalies(dataset_anomaly_info=anomaly("DATASET_LOW_NUM_EXAMPLES"))

    text = report(train=diff)

    assert "<h3>(data set)</h3>" in text
    assert "Check that the data is complete" in text


def test_an_anomaly_without_reasons_is_told_by_its_own_description() -> None:
    info = Info(short_description="Odd", description="Very odd.")

    text = report(train=anomalies_pb2.Anomalies(anomaly_info={"a": info}))

    assert '<strong>Odd</strong><span class="soft"> Very odd.</span>' in text
    assert "severity unknown" in text


@pytest.mark.parametrize("kind", [k for k in Info.Type.keys() if k != "UNKNOWN_TYPE"])  # noqa: SIM118
def test_every_kind_of_anomaly_has_advice(kind: str) -> None:
    (text,) = advice([kind])

    assert text.endswith(".")
    assert kind == "MULTIPLE_REASONS" or text != advice([])[0]


def test_an_anomaly_that_tfdv_leaves_without_a_text_is_told_by_its_type() -> None:
    reason = Info.Reason(type=Info.Type.Value("COMPARATOR_CONTROL_DATA_MISSING"))
    diff = anomalies_pb2.Anomalies(anomaly_info={"a": Info(reason=[reason])})

    (found,) = anomalies.found("train", diff)

    assert found.summary == "Comparator control data missing"
    assert "<strong>Comparator control data missing</strong>" in report(train=diff)
    assert "split 'train', a: Comparator control data missing" in anomalies.listed([found])


@pytest.mark.parametrize(
    ("kinds", "word"),
    [
        (["COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH"], "has moved"),
        (["COMPARATOR_LOW_NUM_EXAMPLES"], "complete"),
        (["FLOAT_TYPE_HAS_NAN"], "disallow_nan"),
        (["FLOAT_TYPE_STRING_NOT_FLOAT"], "type has changed"),
        (["FEATURE_TYPE_HIGH_NUMBER_VALUES"], "value_count"),
        (["FEATURE_TYPE_LOW_FRACTION_PRESENT"], "min_fraction"),
        (["FEATURE_TYPE_HIGH_UNIQUE"], "unique_constraints"),
        (["SCHEMA_MISSING_COLUMN"], "not_in_environment"),
    ],
)
def test_advice_names_what_to_change(kinds: list[str], word: str) -> None:
    assert word in " ".join(advice(kinds))


def test_two_reasons_of_one_kind_get_one_advice() -> None:
    assert len(advice(["INT_TYPE_BIG_INT", "INT_TYPE_SMALL_INT"])) == 1
    assert len(advice(["INT_TYPE_BIG_INT", "FEATURE_TYPE_NOT_PRESENT"])) == 2


def test_names_and_values_are_escaped() -> None:
    diff = anomalies_pb2.Anomalies(
        anomaly_info={"<b>": anomaly("INT_TYPE_BIG_INT", detail="<script>")}
    )

    text = report(train=diff)

    assert text.count("<script") == 1  # the page's own
    assert "&lt;b&gt;" in text


def test_anomalies_that_differ_in_their_feature_alone_share_one_advice() -> None:
    same = {
        f"area_{index}": anomaly(
            "ENUM_TYPE_UNEXPECTED_STRING_VALUES", summary="New values", detail=f"Value v{index}"
        )
        for index in range(96)
    }
    other = {"fare": anomaly("INT_TYPE_BIG_INT", summary="Too big")}

    text = report(train=anomalies_pb2.Anomalies(anomaly_info=same | other))

    assert text.count("To do:") == 2
    group, single = text.split("<article")[1:]
    assert "<h3>New values</h3>" in group
    assert "96 features" in group
    assert group.count("<tr data-name=") == 96
    assert "<td>Value v95</td>" in group
    assert "<h3>fare</h3>" in single


def test_anomalies_of_another_severity_are_not_in_one_group() -> None:
    infos = {
        f"f{index}": anomaly("INT_TYPE_BIG_INT", severity="WARNING" if index < 3 else "ERROR")
        for index in range(6)
    }

    text = report(train=anomalies_pb2.Anomalies(anomaly_info=infos))

    error, warning = text.split("<article")[1:]
    assert ">error<" in error
    assert "f5" in error
    assert ">warning<" in warning
    assert "f0" in warning


def test_very_many_anomalies_stay_small_and_the_rest_is_counted() -> None:
    kinds = ("INT_TYPE_BIG_INT", "FEATURE_TYPE_NOT_PRESENT", "SCHEMA_NEW_COLUMN")
    infos = {
        f"feature_{index:05}_{'x' * 90}": anomaly(*kinds, detail="y" * 1_000)
        for index in range(2_000)
    }
    diff = anomalies_pb2.Anomalies(anomaly_info=infos)

    content = anomalies_report("Title", "All is well.", {"train": diff, "eval": diff})

    assert len(content) < MAX_BYTES
    text = content.decode()
    assert "1300 more are in SchemaDiff.pb." in text
    assert "2000 more are in SchemaDiff.pb." in text
