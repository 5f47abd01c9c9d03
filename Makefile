# Everything a contributor types. `make help` lists the targets.

GO      ?= go
PKGS    ?= ./...
# LDFLAGS strips what a release does not need and stamps the version.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X github.com/decnet/decnet/cmd/internal/version.Version=$(VERSION)
FUZZTIME ?= 30s

.DEFAULT_GOAL := help
.PHONY: help build demo test test-corpus soak check bench judge fuzz generate judges clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: bin/decky bin/decnet ## build bin/decnet and the static bin/decky

.PHONY: bin/decnet bin/decky
bin/decky:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/decky
bin/decnet:
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/decnet

demo: build ## from HCL to a caught attacker, in network namespaces of its own (root)
	@.github/judges.sh demo
	@examples/quickstart/demo.sh

test: judges build ## the whole suite with live tests: root, Docker in a namespace, real clients
	$(GO) test -tags live -timeout 30m -p 2 $(PKGS)

test-corpus: ## tests on the data beside the checkout (../shared/data)
	$(GO) test -tags corpus -run Corpus $(PKGS)

soak: judges ## hours in minutes: 10,000 iterations of the loop, 100 kills of it and of the daemon, 1,000 fetches (root)
	DECNET_LOOP_ITERATIONS=10000 DECNET_LOOP_KILLS=100 $(GO) test -count=1 -run 'TestTenThousand|TestKilled' -timeout 60m -v ./reconciler/loop
	DECNET_DAEMON_KILLS=100 $(GO) test -tags live -count=1 -run 'TestLiveDaemonKill|TestLiveHostRestart' -timeout 60m -v ./cmd/decnet
	DECNET_LONG=1 $(GO) test -tags live -count=1 -timeout 60m -v ./reconciler/gitsync/repository

check: ## formatting, vet, staticcheck, generated files, layers
	@test -z "$$(gofmt -l cmd schema reconciler providers intel modules examples)" || { gofmt -l cmd schema reconciler providers intel modules examples; exit 1; }
	$(GO) vet -tags live ./...
	$(GO) tool staticcheck -tags live ./...
	$(GO) run ./cmd/internal/genregistry
	@git diff --exit-code -- '*zall.go' || { echo 'generated files are stale: commit the result of make generate'; exit 1; }
	$(GO) test ./cmd/internal/layers

bench: build ## figures against their goals; exits 1 on SHORT (BENCH=small for a quick one)
	$(GO) run ./cmd/internal/bench -size=$(or $(BENCH),full)

judge: judges bin/decky ## ours beside the real servers: scores, differences, controls (root; JUDGE=flags)
	$(GO) run ./cmd/internal/judge -decky bin/decky $(JUDGE)

fuzz: ## every fuzz target for FUZZTIME each
	@for pkg in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$pkg 2>/dev/null | grep '^Fuzz'); do \
	  echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; done; done

generate: ## rewrite the generated registries
	$(GO) run ./cmd/internal/genregistry

judges: ## install what the live tests need, without starting any of it
	@.github/judges.sh test

clean: ## remove what was built
	rm -rf bin
