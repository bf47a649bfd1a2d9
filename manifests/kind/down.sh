#!/usr/bin/env bash
# Removes the cluster and the registry of up.sh, with all their contents.
set -euo pipefail
cd "$(dirname "$0")/../.."
me=kind-down
. manifests/programs.sh
. manifests/kind/settings.sh

need docker "It runs the cluster: https://docs.docker.com/engine/install"
need kind "It removes the cluster: https://kind.sigs.k8s.io/docs/user/quick-start/#installation"
checked
kind delete cluster --name "$CLUSTER"
if docker container inspect "$REGISTRY" >/dev/null 2>&1; then
  docker rm --force --volumes "$REGISTRY"
fi
