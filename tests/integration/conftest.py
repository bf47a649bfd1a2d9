"""Decides which of these tests can run here."""

import os

collect_ignore = []
# `make kind-test` sets it, after `make kind-up` has made the cluster. `make test` does not: few
# machines have docker and kind.
if not os.environ.get("HEADRACE_KIND"):
    collect_ignore += ["kind"]
# Set it on a machine with 20 GB of free disk, to build an image with CUDA.
if not os.environ.get("HEADRACE_CUDA"):
    collect_ignore += ["images/test_cuda_images.py"]
# `make test-images` sets it: running every example in its images takes many minutes.
if os.environ.get("HEADRACE_TEST_IMAGES") != "all":
    collect_ignore += ["images/test_examples_in_containers.py"]
