#!/bin/sh
# Builds the devcluster binary, if its sources have changed, into bin/ of the
# repository. It is the only way it is built: other flags would compile all of
# Kubernetes again (ten minutes on two cores) beside what the cache has.
#
#   test/devcluster/build.sh          build
#   test/devcluster/build.sh test     run the module's tests, with the same flags
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
bin=$(CDPATH='' cd -- "$here/../.." && pwd)/bin
binary=$bin/devcluster
stamp=$binary.stamp
cd "$here"

say() { echo "devcluster: $*" >&2; }

# The same for build and test, whatever the caller uses elsewhere: flags are part
# of the cache's key. No vet in tests: it would analyse 2,500 packages that are
# not ours.
unset GOFLAGS CGO_ENABLED
flags='-trimpath -buildvcs=false'

version=v1.36.3 # of k8s.io/kubernetes in go.mod
v=k8s.io/component-base/version
ldflags="-s -w -X $v.gitVersion=$version -X $v.gitMajor=1 -X $v.gitMinor=36 -X $v.gitTreeState=archive -X $v.gitCommit=devcluster -X $v.buildDate=1970-01-01T00:00:00Z"

sources() {
	go version
	find . -type f \( -name '*.go' ! -name '*_test.go' -o -name go.mod -o -name go.sum -o -name build.sh \) | LC_ALL=C sort | xargs cat
}

crds() {
	module=$(go list -m -f '{{.Dir}}' github.com/cert-manager/cert-manager)
	if [ -z "$module" ]; then
		say "downloading modules"
		go mod download
		module=$(go list -m -f '{{.Dir}}' github.com/cert-manager/cert-manager)
	fi
	for kind in certificaterequests certificates clusterissuers issuers; do
		cp -f "$module/deploy/crds/cert-manager.io_$kind.yaml" certmanager/crds/
	done
	chmod u+w certmanager/crds/*.yaml
}

build() {
	hash=$(sources | sha256sum)
	if [ -x "$binary" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$hash" ]; then
		# Tests read them; bin/ may have come without them.
		[ -e certmanager/crds/cert-manager.io_issuers.yaml ] || crds
		return
	fi
	say "building $binary: seconds when the cache is warm, about ten minutes on two cores when it is cold"
	crds
	mkdir -p "$bin"
	part=$binary.part.$$ # two builds at a time do not mix
	began=$(date +%s)
	go build $flags -ldflags "$ldflags" -o "$part" . &
	pid=$!
	trap 'kill $pid 2>/dev/null; rm -f "$part"' INT TERM
	while kill -0 $pid 2>/dev/null; do
		sleep 1
		now=$(($(date +%s) - began))
		[ $((now % 30)) -ne 0 ] || [ $now -eq 0 ] || say "still building after $now s"
	done
	wait $pid
	mv -f "$part" "$binary"
	echo "$hash" >"$stamp"
	say "built in $(($(date +%s) - began)) s"
}

case "${1:-build}" in
build) build ;;
test)
	shift
	build
	go test $flags -vet=off "$@" ./...
	;;
*)
	echo "usage: $0 [build | test [go test flags]]" >&2
	exit 2
	;;
esac
