#!/usr/bin/env python3
"""Stands in for TensorFlow Serving: its options, its port and its status, and the faults of tests.

The text of `saved_model.pb` says what it does: `crash` ends it with an error, `silent` lets its
probe fail; everything else is what it serves.
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
    """Answers for the one model."""

    def do_GET(self) -> None:
        self.send_response(503 if text.startswith("silent") else 200)
        self.end_headers()
        self.wfile.write(text.encode())


ThreadingHTTPServer(("", int(arguments.rest_api_port)), Handler).serve_forever()
