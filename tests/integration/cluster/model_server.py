#!/usr/bin/env python3
"""A stand-in for TensorFlow Serving: with its options, port and status, and faults for tests.

The text of `saved_model.pb` controls it: `crash` ends it with an error, `silent` makes its probe
fail; it serves every other text.
"""

import argparse
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

parser = argparse.ArgumentParser()
for option in ("model_name", "model_base_path", "port", "rest_api_port"):
    parser.add_argument(f"--{option}", required=True)
arguments = parser.parse_args()
models = sorted(Path(arguments.model_base_path).glob("*/saved_model.pb"))
text = models[-1].read_text("utf-8") if models else "crash"
if text.startswith("crash"):
    sys.stderr.write("No versions of servable found under base path\n")
    sys.exit(255)


class Handler(BaseHTTPRequestHandler):
    """Answers requests for the one model."""

    def do_GET(self) -> None:
        self.send_response(503 if text.startswith("silent") else 200)
        self.end_headers()
        self.wfile.write(text.encode())


ThreadingHTTPServer(("", int(arguments.rest_api_port)), Handler).serve_forever()
