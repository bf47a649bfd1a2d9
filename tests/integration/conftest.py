"""Which of these tests can run here."""

import os

collect_ignore = []
# `make kind-test` sets it, once `make kind-up` has made the cluster. `make test` does without: few
# machines have docker and kind.
if not os.environ.get("HEADRACE_KIND"):
    collect_ignore += ["kind"]
# Who has 20 GB of disk sets it, to build an image with CUDA.
if not os.environ.get("HEADRACE_CUDA"):
    collect_ignore += ["images/test_cuda_images.py"]
# `make test-images` asks for all: every example in its images takes many minutes.
if os.environ.get("HEADRACE_TEST_IMAGES") != "all":
    collect_ignore += ["images/test_examples_in_containers.py"]
