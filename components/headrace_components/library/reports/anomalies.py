"""The report on anomalies: the problems of each split, their severity, and what to do."""

from collections.abc import Mapping, Sequence
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2

from headrace_components.library.data.anomalies import summary_of
from headrace_components.library.reports import page
from headrace_components.library.reports.anomaly_advice import advice
from headrace_components.library.reports.markup import Markup, breakable, element, prose, shortened
from headrace_components.library.reports.numbers import number

# A card takes at most about 2,500 bytes.
_MAX_CARDS = 700
_NAME_LENGTH = 80
_DETAIL_LENGTH = 600
_NUM_REASONS = 3

_BADGES = {"ERROR": ("bad", "error"), "WARNING": ("warn", "warning")}


def anomalies_report(title: str, agreement: str, diffs: Mapping[str, Any]) -> bytes:
    """Returns an HTML page of under 2 MB.

    Args:
        title: Heading of the page.
        agreement: The sentence to show without anomalies.
        diffs: An `Anomalies` message by split, or by pair of splits.
    """
    infos = {split: _infos(diff) for split, diff in diffs.items()}
    total = sum(len(found) for found in infos.values())
    room = _MAX_CARDS
    sections = []
    for split, found in infos.items():
        if found:
            sections.append(_section(split, found, found[:room]))
            room = max(room - len(found), 0)
    return page.page(
        title,
        f"{number(len(diffs))} split{'' if len(diffs) == 1 else 's'}: {', '.join(diffs)}",
        _verdict(total, agreement),
        page.section("Splits", _overview(infos)),
        *sections,
    )


def _infos(diff: Any) -> list[tuple[str, Any]]:
    """Returns the anomalies of a split by their subject, errors first."""
    infos = [
        (".".join(diff.anomaly_info[name].path.step) or name, diff.anomaly_info[name])
        for name in sorted(diff.anomaly_info)
    ]
    if diff.HasField("dataset_anomaly_info"):
        infos.insert(0, ("(data set)", diff.dataset_anomaly_info))
    return sorted(infos, key=lambda item: -item[1].severity)


def _verdict(total: int, agreement: str) -> Markup:
    if total == 0:
        return page.banner("good", "No anomalies", element("p", agreement))
    heading = f"{number(total)} {'anomaly' if total == 1 else 'anomalies'}"
    words = "Each is shown below with what to do about it."
    return page.banner("bad", heading, element("p", words))


def _overview(infos: Mapping[str, Sequence[tuple[str, Any]]]) -> Markup:
    rows = []
    for split, found in infos.items():
        severities = [_severity(info) for _, info in found]
        counts = [number(severities.count(name)) for name in ("ERROR", "WARNING")]
        verdict = page.badge("bad", "differs") if found else page.badge("good", "agrees")
        rows.append(page.row(split, counts, verdict))
    head = page.heading_row(("Split", "Errors", "Warnings"), ("Verdict",))
    return page.data_table("Anomalies by split and severity", head, rows)


def _section(
    split: str, found: Sequence[tuple[str, Any]], shown: Sequence[tuple[str, Any]]
) -> Markup:
    cards = [_card(name, info) for name, info in shown]
    more = len(found) - len(shown)
    rest = [page.paragraph(f"{number(more)} more are in SchemaDiff.pb.")] if more else []
    return page.section(f"Split {split}", element("div", *cards, class_="cards wide"), *rest)


def _card(name: str, info: Any) -> Markup:
    kind, severity = _BADGES.get(_severity(info), ("plain", "severity unknown"))
    title = element("h3", breakable(shortened(name, _NAME_LENGTH)))
    reasons = [(summary_of(reason), reason.description) for reason in info.reason]
    entries = reasons or [(summary_of(info), info.description)]
    kinds = [anomalies_pb2.AnomalyInfo.Type.Name(reason.type) for reason in info.reason]
    return element(
        "article",
        element("div", title, page.badge(kind, severity), class_="head"),
        *(_reason(summary, detail) for summary, detail in entries[:_NUM_REASONS]),
        *(
            [page.paragraph(f"And {len(entries) - _NUM_REASONS} more.")]
            if entries[_NUM_REASONS:]
            else []
        ),
        *(element("p", element("strong", "To do: "), prose(text)) for text in advice(kinds)),
        class_="card",
    )


def _reason(summary: str, detail: str) -> Markup:
    words = [element("strong", shortened(summary, _NAME_LENGTH))]
    if detail and detail != summary:
        words.append(element("span", f" {shortened(detail, _DETAIL_LENGTH)}", class_="soft"))
    return element("p", *words, class_="long")


def _severity(info: Any) -> str:
    return str(anomalies_pb2.AnomalyInfo.Severity.Name(info.severity))
