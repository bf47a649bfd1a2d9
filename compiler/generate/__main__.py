"""Writes the generated files, or with `--check` names those that are stale."""

import sys

from generate.files import generated, missing

if __name__ == "__main__":
    if faults := missing():
        sys.exit("\n".join(faults))
    stale = {
        path: text
        for path, text in generated().items()
        if not path.is_file() or path.read_text("utf-8") != text
    }
    if "--check" in sys.argv and stale:
        sys.exit(f"Stale: {', '.join(map(str, stale))}. Run `make generate`, and commit them.")
    for path, text in stale.items():
        path.write_text(text, "utf-8")
        print(f"Wrote {path}")  # noqa: T201
