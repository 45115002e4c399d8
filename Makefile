# make run [ARGS="--data-dir /var/lib/dendro"]   build for release and serve
# make test                                      everything that can fail
# make torture [SEEDS=1-10000] [KILLS=1000] [CUTS=1000]  the long form: simulated lives, kills, disks cut off
# make test-clients                              real clients from PyPI against the server
# make deps | fmt | lint | bench | clean
# make fuzz T=60                                 the fuzz targets, T seconds each

SHELL := /bin/bash
SWIFT ?= swift
ARGS ?=
# Swift's own libraries become part of the binary where the toolchain has them in that form: it starts sooner, takes
# less memory and runs on machines without Swift.
STATIC ?= $(shell test -d "$$(dirname "$$(readlink -f "$$(command -v $(SWIFT))")")/../lib/swift_static" && \
    echo --static-swift-stdlib)
PACKAGES := libsqlite3-dev zlib1g-dev liblz4-dev libzstd-dev libsnappy-dev libre2-dev
# What tests run beside the server. A test whose program is missing says so and is passed over.
TEST_PACKAGES := libpq5 postgresql redis-server prometheus prometheus-alertmanager
CODE := Sources storage promtail-compat Tests Package.swift

.PHONY: run test torture test-clients bench fmt lint fuzz clean deps deps-test

run: deps
	$(SWIFT) build -c release $(STATIC) --product dendro
	exec "$$($(SWIFT) build -c release --show-bin-path)/dendro" serve $(ARGS)

test: deps deps-test
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build

SEEDS ?= 1-10000
KILLS ?= 1000
CUTS ?= 1000

torture: deps
	DENDRO_SIMULATION_SEEDS=$(SEEDS) $(SWIFT) test --filter SimulationTests
	Tests/EndToEndTests/kill-rounds.sh $(KILLS)
	DENDRO_POWER_CUTS=$(CUTS) $(SWIFT) test --filter PowerCutTests
	DENDRO_PRELOADED_CUTS=$(CUTS) $(SWIFT) test --filter PreloadedCutTests

test-clients: deps
	$(SWIFT) build --product dendro
	promtail-compat/clients/check.sh "$$($(SWIFT) build --show-bin-path)/dendro"

bench: deps
	STATIC="$(STATIC)" Benchmarks/run.sh

# Each target keeps what it learns in Fuzz/.build; what breaks it is written to Fuzz/.build/crash-….
T ?= 60
FORMS ?= loki-json loki-protobuf otlp-json otlp-protobuf plain snappy gzip deflate zstd lz4 json regex target record \
    segment part
fuzz: deps
	$(SWIFT) build -c release --sanitize fuzzer --sanitize address --package-path Fuzz
	@set -e; for target in ParserFuzz TemplateFuzz LineFuzz BlockFuzz; do \
	    mkdir -p Fuzz/.build/corpus/$$target; \
	    echo "$$target for $(T) s"; \
	    "$$($(SWIFT) build -c release --package-path Fuzz --show-bin-path)/$$target" -max_total_time=$(T) \
	        -max_len=4096 -timeout=15 -rss_limit_mb=1500 -detect_leaks=0 -print_final_stats=1 \
	        -artifact_prefix=Fuzz/.build/ Fuzz/.build/corpus/$$target; \
	done
	@set -e; for form in $(FORMS); do \
	    mkdir -p Fuzz/.build/corpus/$$form; \
	    echo "WireFuzz, $$form, for $(T) s"; \
	    WIRE=$$form "$$($(SWIFT) build -c release --package-path Fuzz --show-bin-path)/WireFuzz" -max_total_time=$(T) \
	        -max_len=4096 -timeout=15 -rss_limit_mb=1500 -detect_leaks=0 -print_final_stats=1 \
	        -artifact_prefix=Fuzz/.build/$$form- Fuzz/.build/corpus/$$form Fuzz/Seeds/$$form; \
	done

fmt:
	$(SWIFT) format --in-place --recursive --parallel $(CODE)

lint:
	$(SWIFT) format lint --strict --recursive --parallel $(CODE)

clean:
	rm -rf .build

# The C libraries come from the distribution. Missing ones are installed where that is possible without a question, and
# named with the command to install them where it is not.
deps:
	@set -euo pipefail; \
	command -v $(SWIFT) >/dev/null || { echo "Swift 6.3 or newer is needed: https://swift.org/install/linux"; exit 1; }; \
	if ! command -v dpkg-query >/dev/null; then \
	    echo "Not a Debian system: make sure the libraries of these packages are there: $(PACKAGES)"; exit 0; \
	fi; \
	missing=""; \
	for package in $(PACKAGES); do \
	    dpkg-query -W -f '$${db:Status-Status}\n' "$$package" 2>/dev/null | grep -qx installed \
	        || missing="$$missing $$package"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	echo "Missing packages:$$missing"; \
	if [ "$$(id -u)" = 0 ]; then as_root=""; \
	elif sudo -n true 2>/dev/null; then as_root="sudo"; \
	else echo "They need to be installed first:"; \
	    echo "    sudo apt-get update && sudo apt-get install -y$$missing"; exit 1; \
	fi; \
	echo "Installing them with $${as_root:+$$as_root }apt-get."; \
	$$as_root apt-get update -q; \
	$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing

# Only where that needs no question.
deps-test:
	@command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || exit 0; \
	missing=""; \
	for package in $(TEST_PACKAGES); do \
	    dpkg-query -W -f '$${db:Status-Status}\n' "$$package" 2>/dev/null | grep -qx installed \
	        || missing="$$missing $$package"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then as_root=""; \
	elif sudo -n true 2>/dev/null; then as_root="sudo"; \
	else echo "Tests that need them will be passed over:$$missing"; exit 0; fi; \
	$$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends $$missing \
	    || echo "Tests that need them will be passed over:$$missing"
