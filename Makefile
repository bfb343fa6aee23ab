GO          ?= go
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
BENCHTIME   ?= 1s
FUZZTIME    ?= 60

# These need nothing but Go (race a C compiler too). Tests that need another
# program skip without it and say so; .ci/run installs them all.

build:
	$(GO) build -trimpath -o ws76 ./cmd/ws76

test:
	$(GO) test ./...

race:
	$(GO) test -race -timeout 20m ./...

# Against brokers in this process and a real browser: a module of its own.
live:
	cd interop/live && $(GO) test -race -timeout 15m ./...

fmt:
	@files=$$(gofmt -l .); test -z "$$files" || { echo "gofmt would change:"; echo "$$files"; exit 1; }

vet:
	$(GO) vet ./...
	$(GO) mod tidy -diff
	cd interop/live && $(GO) vet ./... && $(GO) mod tidy -diff

staticcheck:
	$(GO) run $(STATICCHECK) ./...
	cd interop/live && $(GO) run $(STATICCHECK) ./...

# Every system that is supported; 32-bit machines and a big-endian one among them.
cross:
	@for target in linux/amd64 linux/arm linux/mips darwin/arm64 windows/amd64 freebsd/amd64; do \
		echo "$$target"; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) vet ./... || exit 1; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build ./... || exit 1; \
	done

# What the race detector blurs or makes long: pinned allocations, what hostile messages
# take, a server that is attacked in every way, every row of who may do what.
allocs:
	$(GO) test -count=1 -run 'Alloc|Hostile|Attacked|TestGate$$' ./...

# Random programs in scripts and in lua5.1: 20000 in CI, too many for the race detector.
programs:
	$(GO) test -count=1 -run Programs ./scripts/lua51

# ws76 against other implementations and behind HAProxy and nginx; installs the
# peers that are missing.
interop:
	WS76_INTEROP=1 $(GO) test -count=1 -timeout 15m -v ./interop/...

# Every fault of a WiFly module with one firmware and rate each; WS76_MATRIX=all takes all.
matrix:
	$(GO) test -count=1 -timeout 30m -run WiflyMatrix ./cmd/ws76

# Every fuzz target of every package, FUZZTIME seconds together.
fuzz:
	.ci/fuzz $(FUZZTIME)

# Fails when go generate changes a file.
generated:
	@before=$$(git status --porcelain; git diff | git hash-object --stdin); \
	$(GO) generate ./... || exit 1; \
	after=$$(git status --porcelain; git diff | git hash-object --stdin); \
	test "$$before" = "$$after" || { echo "stale until now, run go generate ./... and commit:"; git status --short; exit 1; }

bench:
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

# The packages of this machine: built, installed, tried and removed, which takes root.
package:
	packaging/test

# Two builds of it, in different places, give the same bytes.
reproducible:
	packaging/reproducible deb rpm apk tar sbom

# Packages and archives of every system, with bills of materials, into dist.
release:
	packaging/release

# All of it; the tests come last, interop among them. The benchmarks show here
# that they run, not how fast.
ci: export WS76_INTEROP = 1
ci: BENCHTIME = 20ms
ci: fmt vet staticcheck generated cross allocs programs matrix fuzz bench package reproducible live race

.NOTPARALLEL:
.PHONY: build test race live allocs programs matrix fmt vet staticcheck cross interop fuzz generated bench package reproducible release ci
