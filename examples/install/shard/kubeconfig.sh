#!/bin/sh
# Prints a kubeconfig of Tenantry's ServiceAccount on a cluster, after `kubectl apply -k`
# of this folder. Arguments are kubectl's, which say what cluster:
#
#   ./kubeconfig.sh --context eu-1 >eu-1.kubeconfig
#
# It holds a token that lasts: keep it as you keep a password.
set -eu

cluster='.clusters[0].cluster'
server=$(kubectl "$@" config view --minify -o "jsonpath={$cluster.server}")
authority=$(kubectl "$@" config view --minify --raw --flatten -o "jsonpath={$cluster.certificate-authority-data}")

# A controller writes it.
kubectl "$@" -n tenantry-system wait --for='jsonpath={.data.token}' --timeout=60s secret/tenantry-token >&2
token=$(kubectl "$@" -n tenantry-system get secret tenantry-token -o 'jsonpath={.data.token}' | base64 -d)

cat <<EOF
apiVersion: v1
kind: Config
current-context: tenantry
contexts:
- name: tenantry
  context: {cluster: shard, user: tenantry}
clusters:
- name: shard
  cluster:
    server: $server
    certificate-authority-data: $authority
users:
- name: tenantry
  user:
    token: $token
EOF
