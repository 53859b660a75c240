#!/usr/bin/env bash
# From a fresh clone to an enforced denial on a cluster with nodes: kind, images, chart, example. Leaves the cluster up.
set -euo pipefail

if [[ ${1:-} == --help ]]; then
  cat <<'TXT'
Usage: hack/demo.sh

Starts the cluster of hack/kind.sh (see its --help for what it needs), installs charts/sallyport on it, applies
examples/acme and examples/demo, and lets a workload try what its policy denies. "hack/kind.sh down" removes all of it.
TXT
  exit 0
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
system=sallyport-system

step() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

# Runs a command for people to see; what it says and that it fails is the point.
show() {
  printf '$'
  printf ' %q' "$@"
  echo
  "$@" 2>&1 | sed 's/^/  /' || true
}

step 'A cluster of two nodes'
bash hack/kind.sh up
environment=$(bash hack/kind.sh env)
eval "$environment"
images=$(bash hack/images.sh)
bash hack/kind.sh load "$images"/*.tar

step 'helm upgrade --install sallyport charts/sallyport'
helm upgrade --install sallyport charts/sallyport --namespace "$system" --create-namespace --wait --timeout 5m >/dev/null

step 'kubectl apply -f examples/acme -f examples/demo'
kubectl apply --server-side --force-conflicts -f examples/acme >/dev/null
kubectl wait --for=condition=Ready policyassignment/fraud-models --timeout=3m >/dev/null
kubectl apply -f examples/demo >/dev/null
kubectl --namespace fraud-models rollout status deployment/notebook --timeout=2m >/dev/null

step 'A workload tries what its policy denies, and to go around the gateway'
in_notebook=(kubectl --namespace fraud-models exec deployment/notebook --)
show "${in_notebook[@]}" curl -sS http://exfiltrate.example/
show "${in_notebook[@]}" curl -sS https://exfiltrate.example/
show "${in_notebook[@]}" curl -sS --max-time 2 --noproxy '*' http://192.0.2.1/

step 'The denials, and who it was'
denials=(hack/sallyport denials --kubeconfig "$KUBECONFIG" --namespace fraud-models --since 10m)
for _ in $(seq 60); do "${denials[@]}" | grep exfiltrate.example >/dev/null && break || sleep 0.5; done
show "${denials[@]}"

cat <<TXT

Sallyport enforces, after $SECONDS s. What to try next, after:  eval "\$(hack/kind.sh env)"

  kubectl get snp,spa
  kubectl edit snp restricted        # add a destination, then let the workload try it:
  kubectl --namespace fraud-models exec deployment/notebook -- curl -sS https://packages.example/

"hack/kind.sh down" removes the cluster.
TXT
