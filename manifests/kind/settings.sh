# shellcheck shell=bash disable=SC2034
# Settings that up.sh and down.sh share.
CLUSTER=headrace
NODE=$CLUSTER-control-plane
REGISTRY=headrace-registry
REGISTRY_PORT=5001
# The images of examples/penguins.
IMAGES=(csv_example_gen evaluator latest_blessed_model pusher schema_gen statistics_gen trainer transform)
