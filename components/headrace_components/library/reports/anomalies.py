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

# So many anomalies that differ in their feature alone are one table.
_SHARED_BY = 3
_MANY = 12

_BADGES = {"ERROR": ("bad", "error"), "WARNING": ("warn", "warning")}
_UNKNOWN = ("plain", "severity unknown")

_Kind = tuple[int, tuple[str, ...], tuple[str, ...]]
"""Severity, summaries and advice of an anomaly."""


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
    groups: dict[_Kind, list[tuple[str, Any]]] = {}
    for name, info in shown:
        groups.setdefault(_kind(info), []).append((name, info))
    tables = [_group(kind, each) for kind, each in groups.items() if len(each) >= _SHARED_BY]
    cards = [
        _card(name, info)
        for each in groups.values()
        if len(each) < _SHARED_BY
        for name, info in each
    ]
    more = len(found) - len(shown)
    search = [page.search_box("Find features")] if len(shown) > _MANY else []
    drawn = [element("div", *cards, class_="cards wide")] if cards else []
    rest = [page.paragraph(f"{number(more)} more are in SchemaDiff.pb.")] if more else []
    return page.section(f"Split {split}", *search, *tables, *drawn, *rest)


def _kind(info: Any) -> _Kind:
    """Returns what anomalies of several features share, so that it is shown once."""
    summaries = tuple(summary_of(reason) for reason in info.reason) or (summary_of(info),)
    return info.severity, summaries, tuple(advice(_types(info)))


def _group(kind: _Kind, found: Sequence[tuple[str, Any]]) -> Markup:
    """Returns a card of anomalies that differ in their feature alone."""
    _, summaries, to_do = kind
    badge, severity = _BADGES.get(_severity(found[0][1]), _UNKNOWN)
    rows = [
        element(
            "tr",
            element("th", breakable(shortened(name, _NAME_LENGTH)), scope="row"),
            element("td", shortened(_details(info), _DETAIL_LENGTH)),
            data_name=name,
        )
        for name, info in found
    ]
    head = page.heading_row(("Feature",), ("Details",))
    title = shortened(", ".join(summaries[:_NUM_REASONS]), _NAME_LENGTH)
    return element(
        "article",
        element("div", element("h3", title), page.badge(badge, severity), class_="head"),
        *(_to_do(text) for text in to_do),
        page.data_table(f"{number(len(found))} features", head, rows),
        class_="block",
    )


def _details(info: Any) -> str:
    texts = [reason.description for reason in info.reason] or [info.description]
    return " ".join(dict.fromkeys(texts[:_NUM_REASONS]))


def _to_do(text: str) -> Markup:
    return element("p", element("strong", "To do: "), prose(text))


def _card(name: str, info: Any) -> Markup:
    kind, severity = _BADGES.get(_severity(info), _UNKNOWN)
    title = element("h3", breakable(shortened(name, _NAME_LENGTH)))
    reasons = [(summary_of(reason), reason.description) for reason in info.reason]
    entries = reasons or [(summary_of(info), info.description)]
    return element(
        "article",
        element("div", title, page.badge(kind, severity), class_="head"),
        *(_reason(summary, detail) for summary, detail in entries[:_NUM_REASONS]),
        *(
            [page.paragraph(f"And {len(entries) - _NUM_REASONS} more.")]
            if entries[_NUM_REASONS:]
            else []
        ),
        *(_to_do(text) for text in advice(_types(info))),
        class_="card",
        data_name=name,
    )


def _reason(summary: str, detail: str) -> Markup:
    words = [element("strong", shortened(summary, _NAME_LENGTH))]
    if detail and detail != summary:
        words.append(element("span", f" {shortened(detail, _DETAIL_LENGTH)}", class_="soft"))
    return element("p", *words, class_="long")


def _types(info: Any) -> list[str]:
    return [anomalies_pb2.AnomalyInfo.Type.Name(reason.type) for reason in info.reason]


def _severity(info: Any) -> str:
    return str(anomalies_pb2.AnomalyInfo.Severity.Name(info.severity))
