# shellcheck shell=bash disable=SC2034
# What up.sh and down.sh share.
CLUSTER=headrace
NODE=$CLUSTER-control-plane
REGISTRY=headrace-registry
REGISTRY_PORT=5001
# Of examples/penguins.
IMAGES=(csv_example_gen evaluator latest_blessed_model pusher schema_gen statistics_gen trainer transform)
