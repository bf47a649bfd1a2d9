#!/usr/bin/env bash
# Installs Kubeflow Pipelines and TensorFlow Serving on this machine, with docker, kind and kubectl,
# and the images that the penguins need. It keeps what exists already, so it can be run again.
set -euo pipefail
cd "$(dirname "$0")/../.."
me=kind-up
. manifests/programs.sh
. manifests/kind/settings.sh

HEADRACE=${HEADRACE:-headrace}
KUBEFLOW_SECONDS=${KUBEFLOW_SECONDS:-1800}
MEMORY_GIB=8

main() {
  check_machine
  start_registry
  make_cluster
  build_images
  install_kubeflow
  install_headrace
  cat <<END
Kubeflow Pipelines: http://localhost:8080
Models, after a push: http://localhost:8501/v1/models/penguins
Run the penguins: headrace submit examples/penguins/pipeline.py --target kubeflow --config manifests/kind/headrace.toml --wait
Remove it all: make kind-down
END
}

check_machine() {
  need docker "It runs the cluster: https://docs.docker.com/engine/install"
  need kind "It makes the cluster: https://kind.sigs.k8s.io/docs/user/quick-start/#installation"
  need kubectl "It talks to the cluster: https://kubernetes.io/docs/tasks/tools"
  need git "kubectl fetches Kubeflow Pipelines with it: https://git-scm.com/downloads"
  need "$HEADRACE" "It builds the images: run \`make setup\`, or set HEADRACE to where it is."
  checked
  if [[ ! -f examples/penguins/data/penguins.csv ]]; then
    echo "$me: examples/penguins/data is not there. Run \`make examples/penguins/data\`, or \`make kind-up\`, which does." >&2
    exit 2
  fi
  local bytes
  if ! bytes=$(docker info --format '{{.MemTotal}}' 2>/dev/null) || [[ ! $bytes =~ ^[1-9][0-9]*$ ]]; then
    echo "$me: docker is installed, but its daemon does not answer. Start it, and see that \`docker info\` works as this user." >&2
    exit 2
  fi
  if ((bytes < MEMORY_GIB * 10 ** 9)); then
    echo "$me: docker has $((bytes / 10 ** 9)) GB of memory, expected $MEMORY_GIB or more. Give it more; with less, pods are killed." >&2
    exit 2
  fi
}

# Specs name images by digest, and only a registry gives an image a digest.
start_registry() {
  if docker container inspect "$REGISTRY" >/dev/null 2>&1; then
    docker start "$REGISTRY" >/dev/null
  else
    say "starting a registry on port $REGISTRY_PORT"
    docker run --detach --restart=always --name "$REGISTRY" \
      --publish "127.0.0.1:$REGISTRY_PORT:5000" registry:2 >/dev/null
  fi
}

make_cluster() {
  if kind get kubeconfig --name "$CLUSTER" >/dev/null 2>&1; then
    say "the cluster is there"
    docker start "$NODE" >/dev/null
    kind export kubeconfig --name "$CLUSTER"
  else
    kind create cluster --config manifests/kind/cluster.yaml --wait 180s
  fi
  if [[ $(docker container inspect "$REGISTRY" --format '{{json .NetworkSettings.Networks.kind}}') == null ]]; then
    docker network connect kind "$REGISTRY"
  fi
  # https://kind.sigs.k8s.io/docs/user/local-registry
  local hosts=/etc/containerd/certs.d/localhost:$REGISTRY_PORT
  docker exec "$NODE" mkdir -p "$hosts"
  docker exec --interactive "$NODE" tee "$hosts/hosts.toml" >/dev/null <<END
[host."http://$REGISTRY:5000"]
END
}

build_images() {
  say "building ${#IMAGES[@]} images, which takes longest the first time"
  # No Beam worker is started here, so the image of Beam's SDK is not needed.
  HEADRACE_BEAM_SDK=${HEADRACE_BEAM_SDK:-none} "$HEADRACE" images build "${IMAGES[@]}" --engine docker
  "$HEADRACE" images push "${IMAGES[@]}" --engine docker --registry "localhost:$REGISTRY_PORT/headrace"
}

install_kubeflow() {
  say "installing Kubeflow Pipelines, by manifests from GitHub"
  apply manifests/kind/kubeflow-pipelines/definitions
  in_cluster wait --for=condition=established --timeout=120s --all customresourcedefinitions >/dev/null
  apply manifests/kind/kubeflow-pipelines
  # A separate patch, so that other installations can use it too.
  in_cluster --namespace kubeflow patch configmap workflow-controller-configmap \
    --type merge --patch-file manifests/retries.yaml
  local start=$SECONDS ready all
  while true; do
    read -r ready all < <(deployments) || true
    printf '\r%s: %s of %s parts of Kubeflow Pipelines are ready, %s s ' \
      "$me" "$ready" "$all" "$((SECONDS - start))"
    if ((all > 0 && ready == all)); then break; fi
    if ((SECONDS - start > KUBEFLOW_SECONDS)); then
      echo
      in_cluster --namespace kubeflow get pods --field-selector=status.phase!=Succeeded >&2
      echo "$me: Kubeflow Pipelines is not ready after $KUBEFLOW_SECONDS s; the pods are above. Look at one with \`kubectl --namespace kubeflow describe pod NAME\`, and run this again: it goes on." >&2
      exit 1
    fi
    sleep 5
  done
  echo
}

# Prints how many Deployments are available, and how many exist.
deployments() {
  in_cluster --namespace kubeflow get deployments \
    --output 'jsonpath={range .items[*]}{.status.availableReplicas}/{.spec.replicas}{"\n"}{end}' |
    awk -F / '{all++; if ($1 + 0 >= $2) ready++} END {print ready + 0, all + 0}'
}

install_headrace() {
  say "installing what tasks and models need"
  docker exec "$NODE" mkdir -p /var/lib/headrace/data /var/lib/headrace/models
  # Tasks write with the user of their image.
  docker exec "$NODE" chmod 777 /var/lib/headrace/models
  docker cp --quiet examples/penguins/data/. "$NODE:/var/lib/headrace/data"
  apply manifests/kind
}

in_cluster() {
  kubectl --context "kind-$CLUSTER" "$@"
}

apply() {
  in_cluster apply --server-side --force-conflicts --kustomize "$1" >/dev/null
}

say() {
  echo "$me: $*"
}

main
