# tracescrub's commands. They need Go, git and make, nothing else; every tool
# is run by `go run` at the version named here.

OCB           := go run go.opentelemetry.io/collector/cmd/builder@v0.162.0
GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
BENCHSTAT     := go run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

GOVULNCHECK   := go run golang.org/x/vuln/cmd/govulncheck@v1.8.0

# Where the embedded default keeps its files.
TRACESCRUB_DATA ?= data
export TRACESCRUB_DATA
export CGO_ENABLED ?= 0
# The commands of this Makefile belong to this clone, whatever workspace is around it.
export GOWORK := off

# all: every part of the end-to-end tests must run. With anything else a part
# whose tool is not installed (a browser, Kafka) may be left out, and says so.
E2E ?= all
# How long the soak runs.
SOAK ?= 30m
# How long each fuzz target runs, and what the benchmarks are told (-only engine,texts; -dry; -rounds 3).
FUZZTIME   ?= 30s
BENCHFLAGS ?=

COLLECTOR := bin/otelcol-tracescrub
CLI       := bin/tracescrub
PROGRESS  := go run ./internal/progress
LDFLAGS   := -s -w
BUILD      = -trimpath -buildvcs=false -ldflags="$(LDFLAGS)"

# What is released, and for what. Files in packages have the time of the commit.
VERSION     := $(shell sed -n 's/^  version: //p' builder-config.yaml)
TARGETS     ?= linux/amd64 linux/arm64 darwin/arm64
IMAGE       ?= tracescrub/otelcol-tracescrub:$(VERSION)
DIST        ?= dist
DIST_TOOL   := go tool -modfile=deploy/tools/go.mod
SHA256      := $(if $(shell command -v sha256sum),sha256sum,shasum -a 256)
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

# What the binaries are made of: Go sources, the files they embed, and the
# directories, whose times change when a file is added or removed.
PARTS   := $(wildcard cmd connector converter exporter internal processor receiver rules)
SOURCES := $(shell find $(PARTS) -type d ! -path '*/testdata*') \
           $(shell find $(PARTS) -type f ! -name '*_test.go' ! -name '*.md' ! -path '*/testdata/*' ! -path '*/housetest/*') \
           go.mod go.sum

.DEFAULT_GOAL := help
.PHONY: help run demo test race build dist image image-files packages lint bench fuzz vuln e2e soak clean

## help: list these commands
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## run: build the distribution and start it on deploy/embedded.yaml
run: $(COLLECTOR) $(CLI)
	@$(CLI) setup $(TRACESCRUB_DATA)
	@echo "OTLP on 127.0.0.1:4317 (gRPC) and 127.0.0.1:4318 (HTTP); masked telemetry in $(TRACESCRUB_DATA)/out/"
	@echo "held telemetry: http://127.0.0.1:8686, approvers and passwords in $(TRACESCRUB_DATA)/demo-approvers; Ctrl-C stops"
	@exec $(COLLECTOR) --config deploy/embedded.yaml

## demo: beside a running `make run`, send recorded agent traces, show before and after, approve what is held
demo: $(CLI)
	@go run ./test/demo

## test: all tests that need Go only
test:
	go test -timeout 30m ./...
	go -C test/kafka test ./...
	go -C conformance test ./...
	go -C benchmarks/peers test ./...

## race: the packages in which goroutines meet, under the race detector (needs a C compiler)
race:
	CGO_ENABLED=1 go test -race -timeout 30m ./processor/... ./connector/... ./exporter/... ./receiver/... \
		./internal/auditlog/... ./internal/durable ./internal/holdstore/... ./internal/join ./internal/mask ./internal/memory ./internal/walk \
		./cmd/tracescrub/internal/...

## build: bin/otelcol-tracescrub and bin/tracescrub
build: $(COLLECTOR) $(if $(wildcard cmd/tracescrub),$(CLI))

$(COLLECTOR): _build/components.go $(SOURCES)
	@mkdir -p bin
	@$(PROGRESS) -label "compiling the Collector" -unit packages \
		-total "$$(go -C _build list -mod=mod -tags grpcnotrace -deps . | wc -l)" -- \
		go -C _build build -v -mod=mod -tags grpcnotrace $(BUILD) -o ../$@ .
	@touch $@

# The Collector's main package. Made anew when the list of components or our
# own dependencies change.
_build/components.go: builder-config.yaml go.mod go.sum Makefile
	@$(PROGRESS) -label "resolving the Collector's modules" -unit "lines of output" -- \
		$(OCB) --skip-compilation --config builder-config.yaml
	@touch $@

$(CLI): $(SOURCES)
	@mkdir -p bin
	go build $(BUILD) -o $@ ./cmd/tracescrub
	@touch $@

## dist: static binaries for TARGETS, an SBOM of each, and checksums, in dist/
dist: LDFLAGS += -X main.version=v$(VERSION)
dist: _build/components.go
	@rm -rf $(DIST) && mkdir -p $(DIST)
	@set -e; dist=$$(cd $(DIST) && pwd); for target in $(TARGETS); do \
		dir=$$dist/$${target%/*}_$${target#*/}; mkdir -p $$dir; echo "building for $$target"; \
		GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 go build $(BUILD) -o $$dir/tracescrub ./cmd/tracescrub; \
		GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 go -C _build build -mod=mod -tags grpcnotrace $(BUILD) -o $$dir/otelcol-tracescrub .; \
		for name in tracescrub otelcol-tracescrub; do \
			$(DIST_TOOL) cyclonedx-gomod bin -json -std -noserial -notimestamp -version v$(VERSION) -output $$dir/$$name.cdx.json $$dir/$$name 2>/dev/null; \
		done; \
	done
	@cd $(DIST) && $(SHA256) */* > SHA256SUMS && cat SHA256SUMS

## packages: deb and rpm of what `make dist` has built for Linux, in dist/
packages:
	@set -e; for dir in $(DIST)/linux_*; do for kind in deb rpm; do \
		DIR=$$dir ARCH=$${dir##*_} VERSION=$(VERSION) $(DIST_TOOL) nfpm package -f deploy/packages/nfpm.yaml -p $$kind -t $(DIST)/; \
	done; done

# What deploy/container/Dockerfile copies besides the binaries.
image-files:
	@mkdir -p $(DIST)/image/configs $(DIST)/image/data/tracescrub
	@go -C deploy/tools run ./roots > $(DIST)/image/ca-certificates.crt
	@cp LICENSE NOTICE $(DIST)/image/ && cp deploy/*.yaml $(DIST)/image/configs/
	@echo 'tracescrub:x:10001:10001::/var/lib/tracescrub:/sbin/nologin' > $(DIST)/image/passwd
	@echo 'tracescrub:x:10001:' > $(DIST)/image/group

## image: the container image of what `make dist` has built for Linux, with docker buildx
image: image-files
	docker buildx build --platform linux/amd64,linux/arm64 -t $(IMAGE) -f deploy/container/Dockerfile $(DIST)

# test/tiers is one file above a thousand packages of others: vet looks at it, golangci-lint would take minutes.
## lint: format, vet, golangci-lint, go.mod, and our own scan of this repository
lint:
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "gofmt these files:"; echo "$$out"; exit 1; }
	go vet ./...
	go vet -tags e2e ./test/... ./internal/auditlog/verify ./cmd/tracescrub/internal/evidence
	go -C test/kafka vet ./...
	go -C test/browser vet -tags e2e ./...
	go -C test/packages vet -tags e2e ./...
	go -C deploy/tools vet ./...
	go -C test/tiers vet ./...
	go -C conformance vet ./...
	go -C benchmarks/peers vet ./...
	go mod tidy -diff
	go -C test/kafka mod tidy -diff
	go -C test/browser mod tidy -diff
	go -C test/packages mod tidy -diff
	go -C deploy/tools mod tidy -diff
	go -C test/tiers mod tidy -diff
	go -C conformance mod tidy -diff
	go -C benchmarks/peers mod tidy -diff
	$(GOLANGCI_LINT) run --allow-parallel-runners ./...
	@set -e; for dir in test/kafka test/browser test/packages deploy/tools conformance benchmarks/peers; do echo "golangci-lint in $$dir"; \
		(cd $$dir && $(GOLANGCI_LINT) run --allow-parallel-runners ./...); done
	$(if $(wildcard cmd/tracescrub),go run ./cmd/tracescrub scan .)

## bench: measure, check the answers, compare with the last record, and write the tables of benchmarks/README.md
bench:
	go run ./benchmarks/cmd/bench -benchstat "$(BENCHSTAT)" $(BENCHFLAGS)
	go run ./benchmarks/cmd/scale

## fuzz: every fuzz target for FUZZTIME each (default 30s)
# Inputs are not made smaller, which would take all the time of targets with large ones.
fuzz:
	@set -e; found=0; for dir in . conformance; do for pkg in $$(go -C $$dir list ./...); do \
		for target in $$(go -C $$dir test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			found=1; echo "$$pkg $$target"; \
			go -C $$dir test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$pkg; \
		done; \
	done; done; [ $$found = 1 ] || { echo "no fuzz target found"; exit 1; }

## vuln: known vulnerabilities in what we import and ship (needs https://vuln.go.dev, or GOVULNDB as a copy of it)
vuln: _build/components.go
	$(GOVULNCHECK) $(if $(GOVULNDB),-db $(GOVULNDB)) ./...
	$(GOVULNCHECK) $(if $(GOVULNDB),-db $(GOVULNDB)) -C _build -tags grpcnotrace .

## e2e: the built binary, one test per promise (E2E=all: no part may be left out)
e2e: build
	E2E=$(E2E) go test -count=1 -tags e2e -timeout 30m -parallel 4 ./test/e2e/... ./test/realkafka ./internal/auditlog/verify ./cmd/tracescrub/internal/evidence
	E2E=$(E2E) go -C test/browser test -count=1 -tags e2e -timeout 30m ./...
	E2E=$(E2E) SOAK=2m go test -count=1 -tags e2e -timeout 20m ./test/soak
	E2E=$(E2E) go test -count=1 -tags e2e -timeout 30m ./test/runtimes
	E2E=$(E2E) go -C test/packages test -count=1 -tags e2e -timeout 30m ./...

## soak: gateways and gates under load and faults for SOAK (default 30m), and where each span is (SOAK_SEED, SOAK_RATE)
soak: build
	SOAK=$(SOAK) go test -count=1 -tags e2e -timeout 0 -v -run TestSoak ./test/soak

## clean: remove what was built; data is left alone
clean:
	rm -rf bin _build dist
