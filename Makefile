# Every target is a short go command that also works by hand. `make` alone lists them.
# Needs GNU make and a POSIX shell; Go, a C compiler and npm do the rest.

GO        ?= go
TOOL      := $(GO) tool -modfile=tools.mod
CORE      := . ./sim/... ./experiments/...
FUZZTIME  ?= 3s
PROFILE   := -pgo=off -trimpath -run '^$$' -benchtime 5s -cpu 1
PGO       := $(CURDIR)/cmd/gmplab/default.pgo
BENCHARGS ?= -pgo=$(PGO) -run '^$$' -bench . -benchmem -count 6 ./sim/...

.DEFAULT_GOAL := help
.PHONY: help build run predict test race nocgo fuzz mutants lint vuln traces bench benchcmp pgo golden oracle calibrate-old docs docs-check ci clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

build: ## build bin/gmplab
	$(GO) build -trimpath -o bin/gmplab ./cmd/gmplab

run: build ## predict, measure and compare the headline experiment; files go to out/batching
	@bin/gmplab run batching || [ $$? -eq 1 ] # 1: a verdict differs on this machine, which is a result

predict: ## reproduce every committed prediction, byte for byte
	$(GO) test -count=1 ./experiments/...

# With the flags of build, so that what that has compiled is not compiled again.
test: build ## all tests, those on the real inference library included (fetched once into your cache)
	@bin/gmplab setup || echo "make test: goes on without the inference library; the tests that need it are skipped"
	$(GO) test -trimpath -pgo=$(CURDIR)/cmd/gmplab/default.pgo ./...

race: ## the tests under the race detector, the long ones left out
	$(GO) test -pgo=off -race -short ./...

nocgo: ## the tests of what must work without a C compiler
	CGO_ENABLED=0 $(GO) test -pgo=off -short ./realrun/... ./cmd/gmplab

fuzz: ## every fuzz target for FUZZTIME (3s)
	@mkdir -p build
	@$(GO) test -list '^Fuzz' ./... > build/fuzz.txt || { cat build/fuzz.txt; exit 1; }
	@grep -q '^Fuzz' build/fuzz.txt || { echo "make fuzz: no fuzz target found"; exit 1; }
	@awk '/^Fuzz/ { f[n++] = $$1 } /^ok/ { while (n) print $$2, f[--n] }' build/fuzz.txt | while read -r pkg name; do \
		echo "fuzz $$name in $$pkg"; \
		for try in 1 2; do \
			{ $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$pkg"; echo $$? > build/fuzz.rc; } 2>&1 </dev/null | tee build/fuzz.log; \
			rc=$$(cat build/fuzz.rc); [ $$rc -ne 0 ] || break; \
			grep -q '^    context deadline exceeded' build/fuzz.log && ! grep -q 'Failing input' build/fuzz.log || exit 1; \
			echo "fuzz: the time was over in the middle of a case, without a finding (go.dev/issue/75804, mended in Go 1.27)"; \
		done; \
		[ $$rc -eq 0 ] || exit 1; \
	done

mutants: ## break the simulator line by line; list each mutant and the test that kills it (ONLY=regexp: some)
	@mkdir -p build
	@$(GO) build -o build/mutants ./docs/mutants && build/mutants $(if $(ONLY),'$(ONLY)')

lint: ## gofmt, vet, staticcheck, govulncheck, and the core without cgo and for the browser
	@bad=$$(gofmt -l .); [ -z "$$bad" ] || { echo "not formatted; run gofmt -w on:"; echo "$$bad"; exit 1; }
	$(GO) vet ./...
	$(TOOL) staticcheck ./...
	CGO_ENABLED=0 $(GO) build -pgo=off ./...
	GOOS=js GOARCH=wasm $(GO) build $(CORE)
	@$(MAKE) --no-print-directory vuln

vuln:
	@mkdir -p build
	@$(TOOL) govulncheck ./... > build/govulncheck.txt 2>&1; rc=$$?; \
	if grep -q '^govulncheck: fetching vulnerabilities' build/govulncheck.txt; \
	then echo "govulncheck: the vulnerability database was not reached: skipped"; \
	else [ $$rc -eq 0 ] || cat build/govulncheck.txt; exit $$rc; fi

traces: build ## docs/traces: four programs, traced for real and simulated, compared
	@mkdir -p build/traces docs/traces
	@for w in forkjoin ccalls pingpong sockets; do \
		bin/gmplab trace predict -f docs/examples/$$w.yaml -out build/traces/$$w.sim.txt && \
		bin/gmplab trace measure -f docs/examples/$$w.yaml -out build/traces/$$w.trace && \
		bin/gmplab trace diff build/traces/$$w.sim.txt build/traces/$$w.trace > docs/traces/$$w.txt && cat docs/traces/$$w.txt || exit 1; done

bench: ## the simulator's benchmarks, compiled like bin/gmplab, six times each, to a file under build/bench
	@mkdir -p build/bench
	@file=build/bench/$$(date -u +%Y%m%dT%H%M%SZ).txt; \
	$(GO) test $(BENCHARGS) | tee $$file; \
	! grep -q '^FAIL' $$file && echo "wrote $$file"

benchcmp: ## benchstat of the last two bench runs, or BASE=ref: that commit against the last run
	@mkdir -p build/bench
	@if [ -n "$(BASE)" ]; then \
		rm -rf build/base && git worktree prune && git worktree add -q --detach build/base "$(BASE)" && \
		(cd build/base && $(GO) test $(BENCHARGS)) > build/bench/base.txt; rc=$$?; \
		git worktree remove --force build/base; [ $$rc -eq 0 ] || { cat build/bench/base.txt; exit 1; }; \
		set -- build/bench/base.txt $$(ls build/bench/2*.txt 2>/dev/null | tail -n 1); \
	else set -- $$(ls build/bench/2*.txt 2>/dev/null | tail -n 2); fi; \
	[ $$# -eq 2 ] || { echo "make benchcmp: two runs are needed; run make bench first"; exit 1; }; \
	$(TOOL) benchstat "$$1" "$$2"

pgo: ## profile the benchmarks anew for cmd/gmplab/default.pgo, by which go build compiles (docs/adr/0013)
	@mkdir -p build/pgo
	$(GO) test $(PROFILE) -bench 'Sched/P=(4|256)$$' -o build/pgo/gort.test -cpuprofile build/pgo/gort.prof ./sim/gort
	$(GO) test $(PROFILE) -bench 'Service|ForkJoin' -o build/pgo/sim.test -cpuprofile build/pgo/sim.prof ./sim
	$(GO) tool pprof -proto build/pgo/gort.prof build/pgo/sim.prof > build/pgo/default.pgo
	mv build/pgo/default.pgo $(PGO)

golden: ## rewrite the committed predictions (commit only what you can explain)
	$(GO) test -count=1 $$(grep -rlF exptest.Run --include='*_test.go' experiments | xargs -n 1 dirname | sed 's|^|./|') -update

oracle: ## ask the installed Go's runtime anew how it paces, and compare sim/gopacer with it, number for number
	$(GO) test -count=1 -v -run '^TestOracle' ./sim/gopacer -update

calibrate-old: ## measure marking without Green Tea and add it to a calibration file: FILE=path
	GOEXPERIMENT=nogreenteagc GMPLAB_MERGE_OLD="$(abspath $(FILE))" $(GO) test -pgo=off -count=1 -run '^TestMergeOld$$' -v ./realrun/calibrate

docs: ## write the generated pages and lists again
	$(GO) test -count=1 ./experiments/all -update
	$(GO) generate ./...

docs-check:
	@mkdir -p build
	@sums() { grep -rlE '^((//|<!--) Code generated .* DO NOT EDIT|<!-- generated: )' --include='*.go' --include='*.md' . | sort | xargs cksum; }; \
	sums > build/docs.before && $(GO) generate ./... && sums > build/docs.after; \
	cmp -s build/docs.before build/docs.after || { \
		echo "generated files were out of date; commit what make docs wrote:"; \
		diff build/docs.before build/docs.after | awk '/^>/ { print "  " $$4 }'; exit 1; }

# The last step is the README's own test command, so the output ends with go test's lines.
ci: lint docs-check predict nocgo race ## everything that must hold before a change lands
	$(MAKE) --no-print-directory fuzz FUZZTIME=20s
	$(MAKE) --no-print-directory test

clean: ## remove what was built here (bin, build, out), not your cache
	rm -rf bin build out
