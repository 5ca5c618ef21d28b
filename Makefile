# QuicEdge. "make help" lists the targets; native/ installs what a fresh Debian machine lacks and keeps it in a cache.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.ONESHELL:
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
NATIVE  := eval "$$(native/env.sh)"
# The packages that link C; everything else is pure Go and is built and tested without cgo.
CGO_PACKAGES := ./internal/pipeline/... ./cmd/quicedge-video

# make run: root serves on 443 and keeps state in /var/lib/quicedge; anyone else on 8443, state in the home folder.
ifeq ($(shell id -u),0)
RUN_ARGS ?=
else
RUN_ARGS ?= --listen :8443 --state-dir $(HOME)/.local/state/quicedge
endif

## run: install what is missing, build, start the node on loopback with the demo prefixes (ARGS="--listen :8443" adds flags)
.PHONY: run
run: build
	@exec build/quicedge run --iface lo --ports 4433 --prefixes examples/demo_prefixes.csv $(RUN_ARGS) $(ARGS)

## test: install what is missing, build, check the generated files, run every test
.PHONY: test
test: build test-tools check-generate
	@$(NATIVE)
	go vet ./...
	CGO_ENABLED=0 go test -timeout 15m $$(go list ./... | grep -vE '/internal/pipeline|/cmd/quicedge-video')
	CGO_ENABLED=1 go test -timeout 15m $(CGO_PACKAGES)

## test-kernels: boot Debian's 6.1 and 6.12 kernels in emulation, and run the data plane's tests there
.PHONY: test-kernels
test-kernels:
	@test/kernels/run

## build: install what is missing, build build/quicedge (static) and build/quicedge-video
.PHONY: build
build: native
	@$(NATIVE)
	mkdir -p build
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o build/ ./cmd/quicedge
	CGO_ENABLED=1 go build -trimpath -ldflags "-s -w" -o build/ ./cmd/quicedge-video
	ln -sf "$$QUICEDGE_ORT_LIB" build/

# What building needs; a second call takes a fraction of a second.
.PHONY: native
native:
	@native/packages.sh build
	native/env.sh >/dev/null

.PHONY: test-tools
test-tools:
	@native/packages.sh test browser bpf

## generate: compile the BPF programs and write the models again
.PHONY: generate
generate:
	@native/packages.sh build bpf
	$(NATIVE)
	go generate ./bpf ./models

# The committed objects and models must be what the sources make.
GENERATED := bpf/*_bpfel.o bpf/*_bpfel.go internal/dataplane/*_bpfel_test.* models/*.onnx models/manifest.json
.PHONY: check-generate
check-generate:
	@before=$$(sha256sum $(GENERATED))
	$(MAKE) generate
	sha256sum $(GENERATED) | diff <(echo "$$before") - >&2 || { echo "make generate changed the files above: commit them with their sources" >&2; exit 1; }

## bench: measure, and print ratios against what it is compared with
.PHONY: bench
bench: build test-tools
	@$(NATIVE)
	# Preemption starts a BPF_PROG_RUN over again.
	GODEBUG=asyncpreemptoff=1 CGO_ENABLED=1 go test -p 1 -run '^$$' -bench . -benchtime 1s $$(go list -f '{{if .TestGoFiles}}{{.ImportPath}}{{end}}' ./...)

## bench-dataplane: only the kernel's part: look-ups, tables, whole programs, CPU a datagram
.PHONY: bench-dataplane
bench-dataplane: native
	@$(NATIVE)
	GODEBUG=asyncpreemptoff=1 CGO_ENABLED=0 go test -run '^$$' -bench 'Lookup|Table|Programs|Veth' -benchtime 1s ./internal/dataplane

## bench-http: the node beside a plain quic-go server, Caddy and nginx where installed: CPU of a GET and a MiB, memory of a connection
.PHONY: bench-http
bench-http: native
	@$(NATIVE)
	mkdir -p build
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o build/ ./cmd/quicedge
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o build/stock ./test/lab/stock
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o build/bench-http ./test/bench
	taskset -c 1 build/bench-http $(ARGS)

## bench-video: the pipelines beside the ffmpeg command on the same input at 360p, 720p and 1080p, the wait for the first fragment, Go's memory
.PHONY: bench-video
bench-video: native test-tools
	@$(NATIVE)
	CGO_ENABLED=1 go test -timeout 2h -p 1 -run '^$$' -bench 'Transcode|Beauty|First|Memory' -benchtime 5x $(ARGS) ./test/benchvideo ./internal/pipeline/worker

## lab: run the node and a stock server against the emulated networks of 32 provinces (ARGS="--scenario tunnel --classes 44,62/CMCC")
.PHONY: lab
lab: build
	@$(NATIVE)
	CGO_ENABLED=0 go build -o build/lab ./test/lab
	build/lab --svg build/lab.svg $(ARGS)

## soak: the long forms of the tests (thousands of kills, reloads, mutated files)
.PHONY: soak
soak: build test-tools
	@$(NATIVE)
	QUICEDGE_SOAK=1 CGO_ENABLED=1 go test -timeout 4h ./...

## lint: run golangci-lint with .golangci.yml
.PHONY: lint
lint: native
	@. native/versions.env
	$(NATIVE)
	go mod tidy -diff
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$$GOLANGCI_LINT_VERSION run ./...

## clean: remove what was built here; the cache of native parts stays
.PHONY: clean
clean:
	@rm -rf build

## help: list the targets
.PHONY: help
help:
	@sed -n 's/^## \([a-z-]*\): /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18
