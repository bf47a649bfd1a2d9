"""The result of a conversion, as a page and as metrics."""

from dataclasses import dataclass, replace

from headrace_components.library.reports import page
from headrace_components.library.reports.markup import Markup, element, prose
from headrace_components.library.reports.numbers import number, percent, signed
from headrace_components.tflite_converter.comparison import ModelDifferences

_MAX_OUTPUTS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The result of a conversion.

    Attributes:
        reasons: Why the model is not blessed; empty if it is blessed.
        quantization: The kind of quantization; empty if nothing was converted.
        num_bytes: Size of the TF Lite model; 0 if nothing was converted.
        num_saved_bytes: Size of the SavedModel's files.
        seconds: Duration of the conversion.
        comparison: The differences of the answers; None if they were not compared.
    """

    reasons: tuple[str, ...] = ()
    quantization: str = ""
    num_bytes: int = 0
    num_saved_bytes: int = 0
    seconds: float = 0.0
    comparison: ModelDifferences | None = None

    @property
    def is_blessed(self) -> bool:
        """True if there are no reasons against it."""
        return not self.reasons

    def judged(self, *reasons: str, comparison: ModelDifferences | None = None) -> "Outcome":
        """Returns the same conversion with a verdict."""
        return replace(self, reasons=reasons, comparison=comparison)

    def metrics(self) -> dict[str, float | int]:
        """Returns numbers for comparing runs; the differences are of the worst output."""
        values: dict[str, float | int] = {"blessed": int(self.is_blessed)}
        if not self.num_bytes:
            return values
        values["model_bytes"] = self.num_bytes
        values["saved_model_bytes"] = self.num_saved_bytes
        values["conversion_seconds"] = round(self.seconds, 3)
        if self.comparison is None:
            return values
        values["rows_compared"] = self.comparison.num_rows
        differences = self.comparison.differences.values()
        for name, found, worst in (
            ("relative_difference", [each.relative for each in differences], max),
            ("mean_difference", [each.mean for each in differences], max),
            ("largest_difference", [each.largest for each in differences], max),
            ("agreement", [each.agreement for each in differences], min),
        ):
            known = [value for value in found if value is not None]
            if known:
                values[name] = worst(known)
        for name, metric in self.comparison.metrics.items():
            values[name] = metric.after
            values[f"{name}_baseline"] = metric.before
            values[f"{name}_change"] = metric.after - metric.before
        return values


def conversion_report(outcome: Outcome) -> bytes:
    """Returns an HTML page of under 2 MB."""
    comparison = outcome.comparison
    rows = f", {number(comparison.num_rows)} rows compared" if comparison else ""
    subtitle = f"quantization: {outcome.quantization}{rows}" if outcome.quantization else ""
    blocks = [_verdict(outcome)]
    if outcome.num_bytes:
        blocks.append(_sizes(outcome))
    if comparison:
        blocks.append(_differences(comparison))
        if comparison.metrics:
            blocks.append(_metrics(comparison))
    return page.page("Conversion to TF Lite", subtitle, *blocks)


def _verdict(outcome: Outcome) -> Markup:
    if outcome.is_blessed:
        return page.banner("good", "Blessed", element("p", "Every limit holds."))
    return page.banner(
        "bad",
        "Not blessed",
        page.bullets([prose(reason) for reason in outcome.reasons[:_MAX_OUTPUTS]]),
    )


def _sizes(outcome: Outcome) -> Markup:
    rows = [
        page.row("SavedModel", [number(outcome.num_saved_bytes)]),
        page.row("TF Lite", [number(outcome.num_bytes)]),
    ]
    table = page.data_table("Size of the models", page.heading_row(["Model", "Bytes"]), rows)
    return page.section(
        "Size", table, page.paragraph(f"The conversion took {outcome.seconds:.1f} s.")
    )


def _differences(comparison: ModelDifferences) -> Markup:
    rows = [
        page.row(
            name,
            [
                number(each.relative),
                number(each.mean),
                number(each.largest),
                percent(each.agreement),
            ],
        )
        for name, each in list(comparison.differences.items())[:_MAX_OUTPUTS]
    ]
    head = page.heading_row(["Output", "Relative", "Mean", "Largest", "Agreement"])
    text = (
        "Relative: root mean square of the differences, in standard deviations of the SavedModel's "
        "answers. Mean and largest: absolute differences, in the unit of the output. Agreement: "
        "share of rows in which the largest value is at the same place."
    )
    table = page.data_table("How the answers differ", head, rows)
    return page.section("Differences", page.paragraph(text), table)


def _metrics(comparison: ModelDifferences) -> Markup:
    rows = [
        page.row(name, [number(each.before), number(each.after), signed(each.after - each.before)])
        for name, each in comparison.metrics.items()
    ]
    head = page.heading_row(["Metric", "SavedModel", "TF Lite", "Change"])
    return page.section("Metrics", page.data_table("Metrics of both models", head, rows))
