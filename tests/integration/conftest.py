"""Which of these tests can run here."""

import os

# `make kind-test` sets it, once `make kind-up` has made the cluster. `make test` does without: few
# machines have docker and kind.
collect_ignore = [] if os.environ.get("HEADRACE_KIND") else ["kind"]
