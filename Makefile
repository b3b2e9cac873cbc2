# SPDX-License-Identifier: Apache-2.0
# What people type at; the building itself is Meson's (meson.build). Every target sees to its own
# packages first (tools/install-deps), so a fresh Debian with git and make is enough.
# "make help" is made from the "##" comments below.

# The compiler, gcc or clang: make CC=clang. (make's own default, cc, says too little.)
ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX  ?= /usr/local
DESTDIR ?=
# Where it is built; binaries land in $(BUILD)/bin.
BUILD   ?= build
# Seconds that `make fuzz` takes, shared out among the harnesses.
FUZZ_TIME ?= 600
# One end-to-end scenario: make e2e TEST=failover
TEST    ?=

# Architectures that packages are made for: make pkg-deb ARCH=amd64
ARCH    ?= amd64 arm64
# Where `make docker-push` pushes to: REGISTRY=registry.example.net/lb
REGISTRY ?=
DOCKER  ?= docker

PROGRAMS := src/maglevd/maglevd src/maglevc/maglevc src/lbsim/maglev-lbsim \
	    src/dashboard/maglevd-frontend
# What real packets need besides.
NET_PROGRAMS := src/maglevt/maglevt tests/net/gredecap tests/net/netload
# Scenarios that make sense with a real VPP, which cannot be told to fail.
VPP_SCENARIOS := $(patsubst %,tests/e2e/test_%.py,health_to_vpp drift failover operator counters \
	restart reload warmup robust)
C_FILES   = $(shell git ls-files 'src/*.[ch]' 'tests/*.[ch]')

.DEFAULT_GOAL := all
.PHONY: all web proto build-amd64 build-arm64 fixstyle-web demo demo-packets test e2e robot-test e2e-confined \
	test-arm64 install install-deps lint \
	fixstyle sanitize fuzz bench coverage test-vpp pkg-deb test-deb docker docker-push docs clean help deps-%

all: $(BUILD)/build.ninja ## build everything; binaries land in build/bin (also just `make`)
	@tools/build-web --if-changed
	ninja -C $(BUILD)

proto: $(BUILD)/build.ninja ## make the C code of proto/maglev.proto anew (the build does it by itself)
	ninja -C $(BUILD) src/rpc/maglev.pb-c.c src/rpc/maglev.pb-c.h

build-amd64 build-arm64: build-%: ## build for this architecture, in build-amd64 or build-arm64
	@tools/install-deps --for $* build
	@tools/build-arch $*

web: ## make the dashboard's page (web/dist) anew; needs node 18 or newer, and npm
	@tools/build-web

demo: deps-demo $(BUILD)/build.ninja ## run the whole system on this machine, without VPP or root
	ninja -C $(BUILD) $(PROGRAMS)
	@MAGLEV_BIN_DIR=$(BUILD)/bin exec tools/demo

demo-packets: deps-demo $(BUILD)/build.ninja ## the same with real packets between network namespaces; as root
	ninja -C $(BUILD) $(PROGRAMS) $(NET_PROGRAMS)
	@MAGLEV_BIN_DIR=$(BUILD)/bin exec tools/demo-packets

test: deps-test all ## every test: unit, fuzz corpora, layers, end to end
	@tools/run-tests $(BUILD)

e2e: deps-test all ## end-to-end tests only; TEST=failover runs the scenarios of that name
	@tools/run-tests --e2e $(if $(TEST),--only $(TEST)) $(BUILD)

robot-test: e2e ## the same as e2e

e2e-confined: deps-test all ## end-to-end tests with the daemons under their units' system call filters
	@MAGLEV_BIN_DIR=$$(tools/confined-bin $(BUILD)) tools/run-tests --e2e $(if $(TEST),--only $(TEST)) $(BUILD)

test-arm64: build-arm64 ## the unit tests and fuzz corpora for arm64, under qemu
	meson test -C build-arm64 --suite unit --suite fuzz --print-errorlogs -t 20

test-vpp: ## the dataplane suite on the empty VPP of MAGLEV_TEST_VPP_API and MAGLEV_TEST_VPP_STATS
	@tests/dataplane/vpp_is_empty.py
	@$(MAKE) --no-print-directory all
	meson test -C $(BUILD) --no-rebuild --suite dataplane --verbose
	MAGLEV_E2E_VPP=1 MAGLEV_BIN_DIR=$(BUILD)/bin /usr/bin/python3 -B -m pytest \
		-p no:cacheprovider -rs $(VPP_SCENARIOS)
	@tests/dataplane/vpp_is_empty.py

sanitize: deps-test ## every test again under ASan+UBSan, then under TSan
	@tools/build-variant build-asan $(CC) -Db_sanitize=address,undefined -Db_lundef=false
	@tools/run-tests build-asan
	@tools/build-variant build-tsan $(CC) -Db_sanitize=thread -Db_lundef=false
	@tools/run-tests build-tsan

fuzz: deps-fuzz ## fuzz the harnesses, together for FUZZ_TIME seconds (600)
	@tools/build-variant --target fuzzers build-fuzz clang -Dfuzz=true \
		-Db_sanitize=address,undefined -Db_lundef=false
	@tools/run-fuzz build-fuzz $(FUZZ_TIME)

bench: deps-bench all ## run the benchmarks; they print ratios
	meson test -C $(BUILD) --benchmark --verbose

coverage: deps-test deps-coverage ## every test, then what they reached; of core and codecs all lines
	@tools/build-variant build-coverage gcc -Db_coverage=true
	@find build-coverage -name '*.gcda' -delete
	@tools/run-tests build-coverage; tests=$$?; tools/coverage build-coverage && exit $$tests

docs: $(BUILD)/build.ninja ## make again what docs/ has from tables in the source: docs/metrics.md
	ninja -C $(BUILD) src/metrics/metrics-doc
	$(BUILD)/src/metrics/metrics-doc > docs/metrics.md

lint: deps-lint ## a clang build, clang-tidy, cppcheck, layers, formatting, licence lines
	@tools/build-variant build-clang clang
	@tools/lint build-clang

fixstyle: deps-lint ## format the C files as .clang-format says
	clang-format -i $(C_FILES)

fixstyle-web: ## format the page's sources as web/.prettierrc.json says
	cd web && { [ -x node_modules/.bin/prettier ] || npm ci --ignore-scripts; } && npm run fixstyle

install: all ## install below DESTDIR with PREFIX (/usr/local)
	meson configure $(BUILD) -Dprefix=$(PREFIX)
	DESTDIR=$(DESTDIR) meson install -C $(BUILD)

install-deps: ## install every package that any target needs, and list them with their reasons
	@tools/install-deps
	@tools/install-deps --list

pkg-deb: deps-deb ## Debian packages in build/, for amd64 and arm64 (or ARCH=…)
	@for arch in $(ARCH); do tools/install-deps --for $$arch build deb || exit; done
	@tools/pkg-deb $(BUILD) $(ARCH)

test-deb: pkg-deb deps-testdeb ## packages: lint, same bytes again, life in a fresh Debian that is booted (root)
	MAGLEV_DEB_DIR=$(abspath $(BUILD)) MAGLEV_DEB_ARCHS="$(ARCH)" /usr/bin/python3 -B -m pytest \
		-p no:cacheprovider -rs tests/packages

docker: ## images maglevd and maglevd-frontend for this machine
	@DOCKER="$(DOCKER)" tools/docker-images build

docker-push: ## images for amd64 and arm64, built and pushed to REGISTRY=…
	@DOCKER="$(DOCKER)" tools/docker-images push "$(REGISTRY)"

clean: ## remove what was built
	rm -rf build build-amd64 build-arm64 build-clang build-asan build-tsan build-fuzz build-coverage

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9 -]+:.*## / { n = split($$1, t, " "); \
		for (i = 1; i <= n; i++) printf "  make %-14s %s\n", t[i], $$2 }' $(MAKEFILE_LIST)

deps-%:
	@tools/install-deps build $*

# Configured again when the compiler is another than last time; Meson itself notices all else.
$(BUILD)/build.ninja: deps-build tools/build-variant
	@tools/build-variant --setup $(BUILD) $(CC)
