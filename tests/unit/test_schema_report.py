"""The page of a schema, and pages in the frames of a notebook."""

import html

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from headrace_components.library.reports.frames import frame
from headrace_components.library.reports.page import MAX_BYTES
from headrace_components.library.reports.schema import schema_report

SCHEMA = """
feature {
  name: "age" type: INT
  presence { min_fraction: 1.0 min_count: 1 }
  shape { dim { size: 1 } }
  int_domain { min: 0 max: 120 }
}
feature {
  name: "<tags>" type: BYTES
  presence { min_fraction: 0.25 min_count: 2 }
  value_count { min: 1 max: 3 }
  domain: "colours"
  lifecycle_stage: DEPRECATED
}
feature {
  name: "label" type: FLOAT
  value_count { min: 1 }
  not_in_environment: "SERVING"
}
feature {
  name: "place" type: STRUCT
  struct_domain { feature { name: "lat" type: FLOAT shape { dim { size: 2 } dim { size: 3 } } } }
}
feature { name: "text" type: BYTES natural_language_domain {} }
string_domain { name: "colours" value: "red" value: "green" }
default_environment: "TRAINING"
default_environment: "SERVING"
"""


def rows(schema: str) -> dict[str, str]:
    message = text_format.Parse(schema, schema_pb2.Schema())
    page = schema_report(message).decode().replace("<wbr>", "")
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    lines = [line for line in body.split("<tr>") if line]
    cells = [line.replace("</tr>", "").replace("</th>", "</td>").split("</td>") for line in lines]
    texts = [[cell.rpartition(">")[2] for cell in row[:-1]] for row in cells]
    return {name: " | ".join(rest) for name, *rest in texts}


def test_each_feature_says_what_it_must_look_like() -> None:
    dash = "\N{EN DASH}"
    assert rows(SCHEMA) == {
        "age": "INT | in every row | 1 | 0 or more, 120 or less | ",
        "&lt;tags&gt;": (
            "BYTES | in 25.0 % of the rows or more, in 2 rows or more | 1 to 3 | "
            "'red', 'green' | DEPRECATED"
        ),
        "label": f"FLOAT | may be missing | 1 or more | {dash} | not in SERVING",
        "place": f"STRUCT | may be missing | any number | {dash} | ",
        "place.lat": f"FLOAT | may be missing | 2 x 3 | {dash} | ",
        "text": "BYTES | may be missing | any number | natural language | ",
    }


def test_a_page_stays_small_for_any_schema() -> None:
    name = "<" * 300
    message = schema_pb2.Schema(
        string_domain=[schema_pb2.StringDomain(name="d" * 99, value=["&" * 99] * 9)] * 900,
        feature=[
            schema_pb2.Feature(
                name=f"{name}{index}",
                string_domain=schema_pb2.StringDomain(value=["&" * 200] * 40),
            )
            for index in range(5000)
        ],
    )

    page = schema_report(message)

    assert len(page) < MAX_BYTES
    assert b"4400 more features" in page


def test_a_frame_runs_nothing_and_links_stay_within_it() -> None:
    page = b'<!DOCTYPE html>\n<html><head><title>A "page"</title></head></html>'

    text = frame(page, "A page", height_pixels=300)

    assert 'sandbox=""' in text
    inner = html.unescape(text.partition('srcdoc="')[2].partition('" sandbox')[0])
    assert inner == page.decode().replace("<head>", '<head><base href="about:srcdoc">')
