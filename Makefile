# Everything a contributor runs. It needs Go, git and make; "make test" and "make lint" need a
# C compiler as well, for the race detector.

GO        ?= go
# Nobody debugs what these targets build. Without the tables for debuggers, a build takes a
# quarter of the time less.
export GOFLAGS := -gcflags=all=-dwarf=false $(shell $(GO) env GOFLAGS)
# More flags for the tests, such as TESTFLAGS='-run TestTTL -count=20 -v'.
TESTFLAGS ?=
# A package that takes longer than this hangs. The drivers' take up to 18 minutes, beside others.
TEST_TIMEOUT ?= 30m
# Tests make much garbage and little that lives: a rarer collection takes a quarter of the CPU
# time away.
TEST_GOGC ?= 400
# How many commands each server gets in "make test-random", and which: a random seed
# unless given.
OPS       ?= 1000000
SEED      ?=
# The packages of the server drivers, and the one of the others that takes longest: the latter begins
# first, so that nothing waits for it in the end.
DRIVERS   := ./drivers/redis ./drivers/valkey
LONGEST   := ./xcachetest
# How many processes burn the CPU beside "make test-busy".
BUSY      ?= 8
# Flags for the matrix, such as MATRIXFLAGS='-releases redis-6.0', for one row of the table.
MATRIXFLAGS ?=
# A later Go, whose standard library writes JSON and compresses in other ways: what
# depends on that is tested with it, too.
LATER_GO  ?= go1.27.1
BY_LATER_GO := . ./codec ./codec/internal/formats ./drivers/memory
# What the standard library does not decode is as hostile to any Go. Tagged values of json and gob
# are enough for the decompressors behind the tag that it has.
NOT_LATER := TestHostileInput/^(serializer_(raw|pickle|cbor|msgpack)|compressor_(zstd|lz4|s2|brotli|xz)|tagged_(raw|pickle|cbor|msgpack))$$
# Which benchmarks to run, as a regular expression.
BENCH     ?= .

# The linters are pinned in a module of their own, so that the users of the
# library do not inherit what they require. golangci-lint runs staticcheck, in
# the version that this module pins. The packages are compiled for the race detector, as
# for the tests: then they are compiled once for both.
LINTER := GOGC=400 $(GO) run -modfile=internal/tools/go.mod -exec="env 'GOFLAGS=$(GOFLAGS) -race'" \
	github.com/golangci/golangci-lint/v2/cmd/golangci-lint

# The comparisons with other libraries are a module of their own, too, and so are what a
# checker of histories is needed for, and the example of a driver of somebody else's.
BENCH_MODULE := internal/bench
MODULES := $(BENCH_MODULE) internal/linearizability docs/examples/boltdriver
# How many histories of each store "make test-linearizability" checks.
HISTORIES ?= 2000
# How often locks, and permits, are taken on each store in "make test-coordination", and how
# many holders are frozen, and killed; how often each caller asks for units of rate limits, and
# how many idempotency keys there are.
CYCLES    ?= 100000
PERMITS   ?= 50000
RATES     ?= 5000
ONCE      ?= 10000
TAGS      ?= 10000
TAGGED    ?= 1000000
FREEZES   ?= 100
# How many invalidations meet loads on each store there.
FILLS     ?= 20000
# How often the key expires on each store there that a thousand callers ask for.
STAMPEDES ?= 100
# For how many seconds servers are frozen in "make test-failopen".
SECONDS   ?= 30

# For how many whole minutes "make soak" runs, and on what: schemes of DSNs.
MINUTES   ?= 60
SOAK_ON   ?= redis,valkey,redis+sentinel,valkey+cluster

# Where "make conformance-report" writes.
CONFORMANCE := $(CURDIR)/docs/conformance

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: servers
servers: ## Download the servers, and the Django, that the tests run; nothing is installed
	@$(GO) run ./internal/servertest/fetch
	@$(GO) run ./internal/djangotest/fetch

.PHONY: servers-matrix
servers-matrix: ## Download every release of them that there is
	@$(GO) run ./internal/servertest/fetch -all

# The drivers are tested on Redis 7.0 and Valkey 8.0, in every topology. Their tests take
# longest, and none of them runs beside others of its package: the suite counts goroutines and
# connections. So each driver is tested by two processes, beside one for the other packages. The
# last target begins when one of the others ends.
# What they share is built first, or each would compile the suite for itself.
# "make lint" vets the code.
.PHONY: test
test: servers ## Run every test, shuffled, under the race detector
	@GOGC=$(TEST_GOGC) $(GO) build -race $(DRIVERS) ./drivers/internal/drivertest
	@$(MAKE) --no-print-directory --keep-going --jobs=3 --output-sync=target test-conformance test-drivers test-packages test-elsewhere

# A program under the race detector sleeps for a second at its end, unless told otherwise. There
# are a hundred such programs.
TEST := GOGC=$(TEST_GOGC) GORACE=atexit_sleep_ms=50 $(GO) test -race -vet=off -shuffle=on -timeout=$(TEST_TIMEOUT)

.PHONY: test-conformance
test-conformance: servers
	$(TEST) -p=2 -run=Conformance $(TESTFLAGS) $(DRIVERS)

.PHONY: test-drivers
test-drivers: servers
	$(TEST) -p=2 -skip=Conformance $(TESTFLAGS) $(DRIVERS)

.PHONY: test-packages
test-packages: servers
	$(TEST) -p=2 $(TESTFLAGS) $(LONGEST) $$($(GO) list ./... | grep -vE '/drivers/(redis|valkey)$$')

# A later Go is used without the race detector, and so are the modules.
.PHONY: test-elsewhere
test-elsewhere: servers
	GOTOOLCHAIN=$(LATER_GO) $(GO) test -shuffle=on -skip='$(NOT_LATER)' $(TESTFLAGS) $(BY_LATER_GO)
	for module in $(MODULES); do $(GO) -C $$module test $(TESTFLAGS) ./... || exit 1; done

.PHONY: test-busy
test-busy: servers ## Run every test while other processes burn the CPU: make test-busy BUSY=8
	@GOGC=$(TEST_GOGC) $(GO) list -test -race -export ./... >/dev/null
	@GOTOOLCHAIN=$(LATER_GO) $(GO) list -test -export $(BY_LATER_GO) >/dev/null
	internal/busy/run.sh $(BUSY) $(MAKE) test TEST_TIMEOUT=120m

.PHONY: test-random
test-random: servers ## Compare memory with real servers by random commands: make test-random OPS=1000000 SEED=1
	XCACHE_RANDOM_OPS=$(OPS) XCACHE_RANDOM_SEED=$(SEED) $(GO) test -count=1 -timeout=$(TEST_TIMEOUT) -v -run='^TestRandomSequences$$' ./drivers/memory

.PHONY: test-linearizability
test-linearizability: servers ## Check histories of concurrent calls: make test-linearizability HISTORIES=2000
	XCACHE_HISTORIES=$(HISTORIES) $(GO) -C internal/linearizability test -count=1 -timeout=$(TEST_TIMEOUT) -v .

.PHONY: test-coordination
test-coordination: servers ## Prove what locks, rate limits, loads and the like promise: make test-coordination CYCLES=100000
	XCACHE_COORDINATION=1 XCACHE_LOCK_CYCLES=$(CYCLES) XCACHE_FREEZES=$(FREEZES) XCACHE_KILLS=$(FREEZES) XCACHE_PERMITS=$(PERMITS) XCACHE_PERMIT_KILLS=$(FREEZES) XCACHE_RATE_CALLS=$(RATES) XCACHE_ONCE_KEYS=$(ONCE) XCACHE_ONCE_KILLS=$(FREEZES) XCACHE_FILLS=$(FILLS) XCACHE_STAMPEDES=$(STAMPEDES) XCACHE_TAG_ROUNDS=$(TAGS) XCACHE_TAGGED_KEYS=$(TAGGED) $(GO) test -race -count=1 -timeout=$(TEST_TIMEOUT) -v ./internal/coordination

.PHONY: test-failopen
test-failopen: servers ## Freeze servers under load: make test-failopen SECONDS=30
	XCACHE_OUTAGE_SECONDS=$(SECONDS) $(GO) test -count=1 -timeout=$(TEST_TIMEOUT) -v ./internal/outages

.PHONY: soak
soak: servers ## Mix load and faults under the race detector; for docs/reliability.md: make soak MINUTES=60 SEED=1
	mkdir -p docs/reliability
	XCACHE_SOAK_MINUTES=$(MINUTES) XCACHE_SOAK_SEED=$(SEED) XCACHE_SOAK_DEPLOYMENTS=$(SOAK_ON) XCACHE_SOAK_REPORT=$(CURDIR)/docs/reliability/soak.json $(GO) test -race -count=1 -parallel=8 -timeout=$$(($(MINUTES) + 60))m -v -run='^TestSoak$$' ./internal/soak
	$(GO) generate ./internal/reliability/page

.PHONY: reliability
reliability: servers ## Run the tests of every fault on both drivers; writes docs/reliability.md
	$(GO) run ./internal/reliability/page -measure

.PHONY: test-matrix
test-matrix: servers-matrix ## Test both drivers on every release; writes docs/compatibility.md
	$(GO) run ./drivers/internal/matrix $(MATRIXFLAGS)

.PHONY: conformance-report
conformance-report: servers ## Run the conformance suite on each driver; writes docs/conformance
	mkdir -p $(CONFORMANCE)
	rm -f $(CONFORMANCE)/*.json
	XCACHE_CONFORMANCE=$(CONFORMANCE) $(GO) test -count=1 -p=1 -timeout=$(TEST_TIMEOUT) -run='^Test(|Cluster|Sentinel)Conformance$$' ./drivers/memory ./drivers/null ./drivers/redis ./drivers/valkey
	XCACHE_CONFORMANCE=$(CONFORMANCE) $(GO) -C docs/examples/boltdriver test -count=1 -run='^TestConformance$$' .
	rm -f $(CONFORMANCE)/*.xml
	$(GO) generate ./internal/conformance/page

# VitePress is pinned with all that it needs, and is needed for nothing else. Its folder begins
# with a dot, so that Go does not look for packages in it.
SITE := docs/.vitepress

.PHONY: site
site: $(SITE)/node_modules/.package-lock.json ## Build the documentation into the folder site; needs Node.js 18 and npm
	npm --prefix $(SITE) exec -- vitepress build docs

$(SITE)/node_modules/.package-lock.json: $(SITE)/package-lock.json
	npm --prefix $(SITE) ci
	@touch $@

.PHONY: serve-site
serve-site: site ## Build the documentation and serve it on port 4173
	npm --prefix $(SITE) exec -- vitepress serve docs

.PHONY: lint
lint: lint-format lint-code lint-modules lint-generated ## Check format, code, go.mod and generated files

.PHONY: lint-format
lint-format:
	@files="$$(gofmt -l .)"; if [ -n "$$files" ]; then echo "run gofmt -w on:" $$files; exit 1; fi

.PHONY: lint-code
lint-code: # golangci-lint runs "go vet", too
	$(LINTER) run ./...
	for module in $(MODULES); do $(GO) -C $$module build -o /dev/null ./... && $(GO) -C $$module vet ./... || exit 1; done

.PHONY: lint-modules
lint-modules:
	$(GO) mod tidy -diff
	for module in $(MODULES); do $(GO) -C $$module mod tidy -diff || exit 1; done

# What is not committed yet is compared with itself, so that this target can be
# run before a commit as well as in CI.
.PHONY: lint-generated
lint-generated:
	@contents() { git ls-files --cached --others --exclude-standard -z | xargs -0 sha256sum --; }; \
	before="$$(contents)"; \
	echo "$(GO) generate ./..."; $(GO) generate ./... || exit 1; \
	if [ "$$before" != "$$(contents)" ]; then echo "go generate changed files:"; git status --short; exit 1; fi

# The packages that programs import.
LIBRARY   := . ./codec/... ./driver ./drivers/memory/... ./drivers/null ./drivers/redis ./drivers/valkey ./mixins/... ./xcachetest
# What "make cross-build" builds for.
PLATFORMS ?= linux/386 linux/arm64 windows/amd64 darwin/arm64 js/wasm
# How many inputs each fuzz test gets in "make fuzz", besides its corpus.
FUZZ      ?= 100000
# The least that tests of the core and the codecs have to cover, in percent.
COVERAGE  ?= 90
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# CI has no time for it at each push.
.PHONY: check-release
check-release: cross-build test-386 modern coverage fuzz vulnerabilities site ## Check what a release needs, besides "make lint test"

.PHONY: cross-build
cross-build: ## Build the library for other systems: make cross-build PLATFORMS=js/wasm
	for platform in $(PLATFORMS); do echo "$$platform"; \
	CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} $(GO) build $(LIBRARY) || exit 1; done

.PHONY: test-386
test-386: ## Test core, driver and codecs where an int has 32 bits
	CGO_ENABLED=0 GOARCH=386 $(GO) test $(TESTFLAGS) . ./codec ./driver

# In the few lines of a test, + is plainer than a strings.Builder.
.PHONY: modern
modern: ## Show what "go fix" would write in another way, and fail if there is anything
	$(GO) fix -stringsbuilder=false -diff ./...

.PHONY: coverage
coverage: servers ## Measure what the tests of core and codec cover, and fail below COVERAGE percent
	@for package in . ./codec; do \
	$(GO) test -cover $$package | awk -v least=$(COVERAGE) '{ print } /coverage:/ { sub(/.*coverage: /, ""); met = ($$0 + 0 >= least) } END { exit !met }' \
	|| { echo "coverage of $$package is below $(COVERAGE) %, or its tests failed"; exit 1; }; done

.PHONY: fuzz
fuzz: ## Run every fuzz test by count: make fuzz FUZZ=100000
	@$(GO) list -f '{{.Dir}}' ./... | while read -r folder; do \
	grep -hoE '^func Fuzz[A-Za-z]*' "$$folder"/*_test.go 2>/dev/null | cut -c6- | while read -r name; do \
	echo "$$folder $$name"; (cd "$$folder" && $(GO) test -run='^$$' -fuzz="^$$name\$$" -fuzztime=$(FUZZ)x .) </dev/null || exit 1; done || exit 1; done

.PHONY: vulnerabilities
vulnerabilities: ## Ask the database of known vulnerabilities, which needs a network
	$(GO) run $(GOVULNCHECK) $(LIBRARY)

.PHONY: bench
bench: servers ## Measure beside the clients and other caches; writes docs/benchmarks.md; some of it: make bench BENCH=^Server
	mkdir -p docs/benchmarks
	$(GO) -C $(BENCH_MODULE) run . -docs ../../docs -only '$(BENCH)'

.PHONY: bench-packages
bench-packages: servers ## Run the benchmarks of the packages: make bench-packages BENCH=Get
	$(GO) test -run='^$$' -bench='$(BENCH)' -benchmem ./...
	$(GO) -C $(BENCH_MODULE) test -run='^$$' -bench='$(BENCH)' -benchmem ./...
