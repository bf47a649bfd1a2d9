"""The only script of a report: it searches, sorts and filters, and names the run of the page.

It is the same for all reports, so that a page's Content Security Policy allows it by its hash, and
no other. Without it, as in a sandbox, everything is there: its controls are hidden until it runs.
"""

import base64
import hashlib

SCRIPT = """
"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function openAround(element) {
  for (let at = element; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
}
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target) { openAround(target); target.scrollIntoView(); }
}

function search(box) {
  const scope = box.closest("section"), field = box.querySelector("input");
  const choice = box.querySelector("select"), count = box.querySelector("output");
  const items = all("[data-name]", scope);
  function show() {
    const words = field.value.toLowerCase().split(/\\s+/).filter(Boolean);
    const kind = choice ? choice.value : "";
    const names = new Set();
    for (const item of items) {
      const name = item.dataset.name.toLowerCase();
      item.hidden = !words.every(word => name.includes(word)) ||
        (kind !== "" && !item.dataset.kinds.split(" ").includes(kind));
      if (!item.hidden) names.add(name);
    }
    const asked = words.length > 0 || kind !== "";
    for (const group of all("details", scope)) {
      group.hidden = !all("[data-name]", group).some(item => !item.hidden);
      if (asked) group.open = true;
    }
    count.value = asked ? `${names.size} found` : "";
  }
  field.addEventListener("input", show);
  if (choice) choice.addEventListener("change", show);
  box.hidden = false;
}

function value(row, column) {
  const cell = row.cells[column], text = cell.dataset.value ?? cell.textContent.trim();
  const number = Number(text);
  return text !== "" && !Number.isNaN(number) ? number : text;
}
function order(a, b) {
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return typeof a === "number" ? a - b : a.localeCompare(b);
}
function sortable(table) {
  const body = table.tBodies[0];
  all("thead th", table).forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const falls = head.getAttribute("aria-sort") === "ascending";
      all("thead th", table).forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falls ? "descending" : "ascending");
      const rows = [...body.rows].map(row => [value(row, column), row]);
      rows.sort((a, b) => falls ? order(b[0], a[0]) : order(a[0], b[0]));
      body.append(...rows.map(pair => pair[1]));
    });
  });
}

function nameRun() {
  const place = document.querySelector("[data-origin]");
  const path = decodeURIComponent(location.pathname);
  const found = path.match(/\\/([^/]+)\\/(\\d{8}-\\d{6}-[0-9a-f]+)\\/[^]*$/);
  if (!place || !place.hidden || !found) return;
  place.textContent = `Pipeline ${found[1]}, run ${found[2]}`;
  place.hidden = false;
  document.title += ` \\u2013 ${found[1]} ${found[2]}`;
}

all("[data-search]").forEach(search);
all("table[data-sortable]").forEach(sortable);
addEventListener("hashchange", openTarget);
if (location.hash) openTarget();
nameRun();
"""

_HASH = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    f"script-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
)
"""The Content Security Policy of every report: it loads nothing, and runs this script alone."""
