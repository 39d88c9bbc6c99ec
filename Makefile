# Each target does what it says; .ci/run has the commands and the reasons.

.PHONY: help test race lint fuzz flip sim spread soak netns crash power bench demo ci

help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

test: ## every test, as README.md says
	go test ./...

race: ## the short tests under the race detector
	.ci/run race

lint: ## format, module file, go vet, staticcheck, and the rules of internal/lint
	.ci/run format tidy vet staticcheck
	go test ./internal/lint

fuzz: ## every fuzz target; FUZZ_SECONDS=3600 make fuzz for longer
	.ci/run fuzz

flip: ## every byte of a data file flipped, one at a time; minutes
	go test -count=1 -timeout=1h ./store -run '^TestOpen_EveryByteFlipped$$' -v -flip-all

SIM_SEEDS ?= 5000
SIM_FIRST ?= 1
CRASH_CYCLES ?= 2000
POWER_CYCLES ?= 300
BENCH_DIR ?=

sim: ## SIM_SEEDS simulated clusters from seed SIM_FIRST on (5000, 1)
	go test -count=1 -timeout=12h ./internal/sim -sim.seeds=$(SIM_SEEDS) -sim.first=$(SIM_FIRST)

spread: ## how updates spread among 10, 100 and 1000 simulated nodes, as a table
	go test -count=1 -timeout=2h -v -run='^TestMeasureSpread_Table$$' ./internal/sim -sim.spread

soak: ## ten times the simulation of .ci/run, with fresh seeds
	SIM_SEEDS=22000 .ci/run sim

netns: ## 20 partitions of real processes in network namespaces; needs root, ip and nft
	scripts/netns.sh

crash: ## CRASH_CYCLES kills of writers (2000), and a kill and faults at every call of each operation
	go test -count=1 -timeout=2h -v ./internal/crash -run 'Killed|Fault' -crash.cycles=$(CRASH_CYCLES) -crash.calls=0

power: ## POWER_CYCLES power failures (300), and some without sync as control; as root
	go test -count=1 -timeout=2h -v ./internal/crash -run 'Power' -crash.power=$(POWER_CYCLES)

bench: ## every benchmark beside the peers, on BENCH_DIR's disk: three quarters of an hour of a quiet machine
	cd bench && go run ./writes -dir "$(BENCH_DIR)"
	cd bench && go run ./restart -dir "$(BENCH_DIR)"
	cd bench && go run ./batch -dir "$(BENCH_DIR)"
	cd bench && go run ./layouts -dir "$(BENCH_DIR)"
	cd bench && go run ./join -dir "$(BENCH_DIR)"
	cd bench && go run ./propagation
	cd bench && go run ./propagation -nodes 50 -writes 100
	cd bench && go run ./storm

demo: ## three real nodes, a crash, a partition, healing
	go run ./cmd/ssnode demo

ci: ## everything that must hold before a change is kept
	.ci/run
