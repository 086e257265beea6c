# Everything that the targets need is built here from Go modules: Go, git, make
# and bash are enough. `make` alone says what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

BIN := $(CURDIR)/bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

# The newest golangci-lint; it is compiled once for each version named here.
GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(BIN)/golangci-lint-$(GOLANGCI_VERSION)

# One set of build flags for building, testing and linting the product, so that
# the libraries are compiled once. test/devcluster is a module of its own that its
# build.sh builds and tests: other flags would compile 2,500 packages of Kubernetes
# anew, so it is vetted with the same ones and left out of the common lint.
GO := CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" GOTOOLCHAIN=local go
DEVCLUSTER_FLAGS := -trimpath

.PHONY: help
help: ## Say what the targets do
	@awk 'BEGIN {FS = ":.*## "; print "Usage: make TARGET\n"} \
		/^[a-z-]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Start two management clusters and bring up five tenants; KEEP=1 leaves them running
	@$(GO) build -o $(BIN)/demo ./test/demo
	@$(BIN)/demo

.PHONY: test
test: build ## Run all tests, on real Git servers and real API servers
	@$(GO) build -o $(BIN)/testsummary ./test/tools/testsummary
	@{ status=0; \
		$(GO) test -vet=off -json -timeout 30m ./... || status=1; \
		test/devcluster/build.sh test -json -timeout 15m || status=1; \
		exit $$status; \
	} | $(BIN)/testsummary

.PHONY: contract
contract: ## Try all providers on API servers with the CRDs of a folder: CRDS=DIR
	@$(GO) build -o $(BIN)/contract ./test/contract
	@$(BIN)/contract --crds "$(CRDS)"
	@$(GO) test -vet=off -timeout 15m -run '^TestConformance$$' ./test/e2e -crds "$(abspath $(CRDS))"

.PHONY: race
race: ## Run the tests of the rooms without clusters under the race detector
	CGO_ENABLED=1 go test -race ./fleet/... ./git/... ./render/... ./reconciler/core/...

SEEDS ?= 2000
FROM ?= 1
.PHONY: sim
sim: ## Live through SEEDS=2000 random histories FROM=1 on, and find every planted bug; SEED=N or HISTORY=FILE tells of one
	@mkdir -p $(BIN)/sim
	@$(GO) build -o $(BIN)/sim/sim ./test/simulation/sim
	@$(BIN)/sim/sim --dir $(BIN)/sim --from "$(FROM)" --seeds "$(SEEDS)" $(if $(SEED),--seed "$(SEED)") $(if $(HISTORY),--history "$(HISTORY)") \
		$(if $(BUG),--bug "$(BUG)") $(if $(BOUND),--bound "$(BOUND)")

MUTANTS ?= 400
.PHONY: mutate
mutate: ## Change what decides in MUTANTS=400 places, one at a time, and see whether a test fails; 0 is all
	@mkdir -p $(BIN)/mutate
	@$(GO) build -o $(BIN)/mutate/mutate ./test/tools/mutate
	@$(BIN)/mutate/mutate --dir $(BIN)/mutate --mutants "$(MUTANTS)"

.PHONY: bench
bench: build ## Measure what is promised and print the figures; profiles are left in bin/bench
	@mkdir -p $(BIN)/bench
	@$(GO) build -o $(BIN)/bench/bench ./test/bench
	@CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" GOTOOLCHAIN=local \
		$(BIN)/bench/bench --profiles $(BIN)/bench

TENANTS ?= 10000
SHARDS ?= 4
.PHONY: scale
scale: build ## Measure a replica with TENANTS=10000 on SHARDS=4 real API servers; control planes are played
	@$(GO) test -vet=off -run '^$$' -bench '^BenchmarkScale$$' -benchtime 1x -timeout 3h ./test/scale -tenants "$(TENANTS)" -shards "$(SHARDS)"

.PHONY: check
check: ## Do what continuous integration does: lint, build, test, demo, sim
	@took=; for step in lint build test demo sim; do \
		echo "== make $$step"; began=$$SECONDS; \
		$(MAKE) --no-print-directory $$step; \
		took="$$took $$step $$((SECONDS - began)) s,"; echo "== took $${took%,}"; \
	done

.PHONY: build
build: ## Build bin/tenantry and bin/devcluster
	@echo "building bin/tenantry (minutes when nothing is cached)"
	@$(GO) build -ldflags "-s -w -X main.version=$(VERSION)" -o $(BIN)/tenantry ./cmd/tenantry
	@test/devcluster/build.sh

.PHONY: lint
lint: $(GOLANGCI) ## Judge the code: formatting, vet, linters, import rules
	@CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" $(GOLANGCI) run --allow-parallel-runners ./...
	@unformatted=$$(gofmt -l test/devcluster); \
		if [ -n "$$unformatted" ]; then echo "not gofmt-ed:"; echo "$$unformatted"; exit 1; fi
	@test/devcluster/build.sh
	@cd test/devcluster && go vet $(DEVCLUSTER_FLAGS) ./...

$(GOLANGCI):
	@echo "compiling golangci-lint $(GOLANGCI_VERSION), once"
	@mkdir -p $(BIN)
	@GOBIN=$(BIN) GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" \
		go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(BIN)/golangci-lint $@

.PHONY: golden
golden: ## Write the golden files anew from what the code does now; read the diff
	@$(GO) test $$(grep -rl --include='*_test.go' --exclude-dir=devcluster 'flag.Bool("update"' . \
		| xargs -rn1 dirname | sort -u) -update

.PHONY: clean
clean: ## Remove what was built
	rm -rf $(BIN) .cache
