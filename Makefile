# make, make install, make installcheck   as with any PGXS extension
# make test    installs what is missing, builds, and runs every test on private throwaway servers
# make demo    likewise, and shows the guard at work; make demo-stop ends its server
# make bench   likewise, and measures what guards cost; ROWS='delete insert' and BENCH_ROUNDS=5 for less of it
#
# What doc/proof.md reports on. These, too, install what they need and build; each takes from minutes to an hour:
# make prove         plays every interleaving of bookings and deletes; CASES='insert / DELETE' for less of it
# make stress        puts a million transactions of many clients on few services; TRANSACTIONS=20000 for less
# make faults        kills servers, fills a disk and stops statements under that load; KILLS=2 for less
# make check-server  runs the tests on a server with assertions, without caches, under valgrind and with UBSan; CHECKS='memory' for less
# make coverage      says which lines and branches of src/ the tests reach
# make fuzz          attacks it with random and hostile input and with sqlsmith; see test/fuzz/run
# make mutants       breaks the source in many ways: some test must fail each time; MUTANTS='name...' for a few
#
# make matrix  runs "make test" on every server version, each in a Debian root of its own; needs root
# make deb     builds the Debian package with Debian's tools; make check-deb does so in a clean root, and tests it in another
# make dist    makes the zip for PGXN
# make lint    the linters that are installed: cppcheck, clang-tidy, shellcheck
#
# To build for another PostgreSQL:  make PG_CONFIG=/path/to/pg_config

# Debian has a folder for each version, and a plain pg_config may belong to
# another than the server. Of the servers there, or else of the clients, take
# 15, or else the newest.
debian   := $(or $(wildcard /usr/lib/postgresql/*/bin/postgres),$(wildcard /usr/lib/postgresql/*/bin/pg_config))
debian   := $(sort $(dir $(debian)))
PG_CONFIG ?= $(or $(filter %/15/bin/,$(debian)),$(lastword $(debian)))pg_config

.DEFAULT_GOAL := all

EXTENSION  = booking_guard
MODULE_big = booking_guard
DATA       = $(wildcard sql/booking_guard--*.sql)
SOURCES   := $(sort $(wildcard src/*.c))
OBJS       = $(SOURCES:.c=.o)

# install.sql creates the extension and uninstall.sql drops it; the others run in between.
regress_tests := $(sort $(basename $(notdir $(wildcard test/sql/*.sql))))
REGRESS   := $(strip $(filter install,$(regress_tests)) \
             $(filter-out install uninstall,$(regress_tests)) \
             $(filter uninstall,$(regress_tests)))
ISOLATION := $(sort $(basename $(notdir $(wildcard test/specs/*.spec))))

# Where pg_regress writes. Expected files are read from its expected/ (up to
# PostgreSQL 15) or from ./expected/ (since 16).
OUTPUTDIR      = .
REGRESS_OPTS   = --inputdir=test --outputdir=$(OUTPUTDIR)
ISOLATION_OPTS = --inputdir=test --outputdir=$(OUTPUTDIR) --load-extension=booking_guard

# Warnings are errors for us, never for those who build with a newer compiler.
# Unused parameters: a function that PostgreSQL calls back has to take them all.
STRICT_FLAGS = -Wall -Wextra -Werror -Wno-unused-parameter

# These install what they need, so they must work before PostgreSQL is there.
proofs = prove stress faults check-server coverage fuzz mutants
STANDALONE = test demo demo-stop bench $(proofs) matrix deb check-deb dist check-meta
.PHONY: $(STANDALONE)

test demo bench $(proofs):
	+@PG_CONFIG='$(PG_CONFIG)' test/install-packages $@
	+@$(MAKE) --no-print-directory run-$@

demo-stop:
	@demo/stop

matrix:
	@test/matrix

# Debian's tools build in a copy, for every version of PostgreSQL that this Debian
# supports, and leave the packages beside it.
deb:
	rm -rf build/deb
	mkdir -p build/deb
	test/copy build/deb/source
	cd build/deb/source && pg_buildext updatecontrol && dpkg-buildpackage -b -us -uc
	mv build/deb/*.deb build/
	rm -rf build/deb

check-deb:
	@test/deb

# PGXN wants a folder of this name in the zip. It is made of what is committed.
dist_name = booking_guard-$(shell sed -n 's/^ *"version": "\(.*\)",$$/\1/p;T;q' META.json)
dist: check-meta
	@git diff --quiet HEAD || { echo 'Commit the changes first: the zip is made of what is committed.'; exit 1; }
	mkdir -p build
	git archive --format=zip --prefix=$(dist_name)/ --output=build/$(dist_name).zip HEAD

check-meta:
	test/meta

# Everything else needs PGXS and the headers. Say so before an include fails.
ifneq (,$(filter-out $(STANDALONE),$(or $(MAKECMDGOALS),all)))

pg_version := $(shell $(PG_CONFIG) --version 2>/dev/null)
ifeq (,$(pg_version))
$(error "$(PG_CONFIG)" does not run. Install PostgreSQL with its headers, on Debian: apt-get install postgresql-server-dev-all; or name another with make PG_CONFIG=/path/to/pg_config)
endif
pg_major := $(firstword $(subst ., ,$(subst devel,,$(word 2,$(pg_version)))))

PGXS := $(shell $(PG_CONFIG) --pgxs)
pg_includes := $(shell $(PG_CONFIG) --includedir-server)
ifeq (,$(and $(wildcard $(PGXS)),$(wildcard $(pg_includes)/postgres.h)))
$(error the headers of $(pg_version) are not installed (no $(pg_includes)/postgres.h). On Debian: apt-get install postgresql-server-dev-$(pg_major); on Fedora and the like: postgresql-server-devel)
endif

# A server built with LLVM wants bitcode for its JIT, but a build without clang must not fail.
CLANG ?= $(shell sed -n 's/^CLANG *= *//p' $(dir $(PGXS))../Makefile.global)
ifeq (,$(shell command -v $(or $(CLANG),clang)))
override with_llvm := no
endif

include $(PGXS)

$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*.h)

#
# For developers
#
.PHONY: run-test run-demo run-bench $(proofs:%=run-%) sudo-install check-style check-gcc check-clang check-readme lint cppcheck clang-tidy shellcheck

# The scripts call this Makefile back, and need to know where PostgreSQL is.
script_env = MAKE='$(MAKE)' PG_CONFIG='$(PG_CONFIG)' PGBIN='$(bindir)'

# Install, through sudo where this user may not write.
sudo-install: all
	+@if [ -w '$(pkglibdir)' ]; then $(MAKE) -s install; \
	else sudo $(MAKE) -s install PG_CONFIG='$(PG_CONFIG)'; fi

run-test:
	+@$(script_env) CHECKS='$(checks)' REGRESS='$(REGRESS)' ISOLATION='$(ISOLATION)' test/run

run-demo: sudo-install
	+@$(script_env) demo/run

run-bench: sudo-install
	+@$(script_env) test/bench/run $(ROWS)

run-prove: sudo-install
	+@$(script_env) test/interleave/run

run-stress: sudo-install
	+@$(script_env) TRANSACTIONS='$(TRANSACTIONS)' test/stress/run

run-faults: sudo-install
	+@$(script_env) KILLS='$(KILLS)' FAULTS='$(FAULTS)' test/stress/run-faults

run-check-server:
	+@$(script_env) REGRESS='$(REGRESS)' test/server_checks/run $(CHECKS)

run-coverage:
	+@$(script_env) test/coverage/run

run-fuzz: sudo-install
	+@$(script_env) test/fuzz/run

run-mutants:
	@$(script_env) MUTANT_JOBS='$(MUTANT_JOBS)' test/mutants/run $(MUTANTS)

# Compile with both compilers, warnings as errors, and keep nothing. PostgreSQL's
# headers count as system headers: their warnings are not ours. PGXS knows the
# flags for clang as those for bitcode; $(CFLAGS) are those for gcc.
check-style: check-gcc check-clang

check_gcc   := $(SOURCES:%.c=%.check-gcc)
check_clang := $(SOURCES:%.c=%.check-clang)
.PHONY: $(check_gcc) $(check_clang)
check-gcc: $(check_gcc)
check-clang: $(check_clang)

$(check_gcc): %.check-gcc: %.c
	gcc $(CFLAGS) -isystem $(pg_includes) $(CPPFLAGS) $(STRICT_FLAGS) -c -o /dev/null $<

$(check_clang): %.check-clang: %.c
	$(or $(CLANG),clang) $(BITCODE_CFLAGS) -isystem $(pg_includes) $(CPPFLAGS) $(STRICT_FLAGS) -c -o /dev/null $<

# "make lint" and "make test" pass over what is not installed.
linters := $(foreach linter,cppcheck clang-tidy shellcheck,$(if $(shell command -v $(linter)),$(linter)))
checks  := check-readme check-meta $(if $(shell command -v $(or $(CLANG),clang)),check-clang) $(linters)
lint: $(linters)

# A finding that is none is suppressed beside the code: // cppcheck-suppress id ; and why
check-readme:
	test/readme

cppcheck:
	cppcheck --quiet --std=c99 --enable=warning,performance,portability --include=test/cppcheck.h \
	  --inline-suppr --error-exitcode=1 $(SOURCES)

shellcheck:
	shellcheck -x .ci/run $$(grep -rl '^#!/bin/bash' test demo)

# What it checks, and why not the rest, is in .clang-tidy.
clang_tidy := $(SOURCES:%.c=%.clang-tidy)
.PHONY: $(clang_tidy)
clang-tidy: $(clang_tidy)
$(clang_tidy): %.clang-tidy: %.c
	@found=$$(clang-tidy --quiet --warnings-as-errors='*' $< -- -isystem $(pg_includes) $(CPPFLAGS) 2>&1) || \
	{ echo "$$found"; exit 1; }

endif
