#!/usr/bin/env bash
# Creates what cluster.env names: a cluster with Workload Identity, a pool of GPU nodes, a bucket, and
# the accounts' access to the bucket. It does not change what exists already.
set -euo pipefail
cd "$(dirname "$0")/../.."
me=gke/create.sh
. manifests/programs.sh
. manifests/gke/cluster.env

need gcloud "It talks to Google Cloud: https://cloud.google.com/sdk/docs/install"
checked
for name in PROJECT BUCKET; do
  if [[ ${!name} == my-* ]]; then
    echo "$me: $name is ${!name} in manifests/gke/cluster.env, an example. Write yours." >&2
    exit 2
  fi
done

in_project() {
  gcloud --project "$PROJECT" --quiet "$@"
}

number=$(in_project projects describe "$PROJECT" --format 'value(projectNumber)')
in_project services enable container.googleapis.com storage.googleapis.com

if ! in_project container clusters describe "$CLUSTER" --region "$REGION" >/dev/null 2>&1; then
  # Dataplane V2 enforces network policies.
  in_project container clusters create "$CLUSTER" --region "$REGION" --node-locations "$ZONES" \
    --release-channel regular --enable-dataplane-v2 --workload-pool "$PROJECT.svc.id.goog" \
    --addons GcsFuseCsiDriver,HorizontalPodAutoscaling --machine-type e2-standard-8 \
    --num-nodes 1 --enable-autoscaling --min-nodes 1 --max-nodes 8 \
    --shielded-secure-boot --enable-shielded-nodes
fi
if ! in_project container node-pools describe gpu --cluster "$CLUSTER" --region "$REGION" >/dev/null 2>&1; then
  # GKE taints the nodes of this pool, so that pods without a GPU are not placed there.
  in_project container node-pools create gpu --cluster "$CLUSTER" --region "$REGION" \
    --node-locations "$ZONES" --machine-type "$GPU_MACHINE" \
    --accelerator "type=$GPU,count=1,gpu-driver-version=default" --disk-type pd-balanced \
    --num-nodes 0 --enable-autoscaling --min-nodes 0 --max-nodes "$GPU_NODES" \
    --workload-metadata GKE_METADATA --shielded-secure-boot
fi
if ! in_project storage buckets describe "gs://$BUCKET" >/dev/null 2>&1; then
  in_project storage buckets create "gs://$BUCKET" --location "$REGION" \
    --uniform-bucket-level-access --public-access-prevention
fi

# bind NAMESPACE ACCOUNT ROLE
bind() {
  local pool=projects/$number/locations/global/workloadIdentityPools/$PROJECT.svc.id.goog
  in_project storage buckets add-iam-policy-binding "gs://$BUCKET" --role "$3" \
    --member "principal://iam.googleapis.com/$pool/subject/ns/$1/sa/$2" >/dev/null
  echo "$me: $1/$2 has $3 on gs://$BUCKET"
}
bind kubeflow headrace-pipeline roles/storage.objectUser
bind headrace-serving headrace-server roles/storage.objectViewer

in_project container clusters get-credentials "$CLUSTER" --region "$REGION"
