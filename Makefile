# make            build/wanbox: the stripped static executable
# make install    binary, links, man pages, completions, samples (DESTDIR=, PREFIX=/usr)
# make demo       two routers on a 2 Mbit/s cable, under a minute after the build
# make test       sets up what the tests need, then runs them all
# make lint       rustfmt, clippy with warnings denied, shellcheck
# make generate   man pages and completions again, after a change of options
# make bench      start time, idle cost and throughput beside busybox, socat and smoltcp
# make bench-l2tp l2tpns beside Debian's: sessions, packets, TCP, round trips, memory
# make soak       a gigabyte each way through net's TCP, on good lines and bad ones
# make fuzz       every fuzz target for SECONDS=30
# make clean

CARGO ?= cargo
PREFIX ?= /usr
DESTDIR ?=
SECONDS ?= 30
SYSCONFDIR ?= /etc

BINDIR = $(DESTDIR)$(PREFIX)/bin
SBINDIR = $(DESTDIR)$(PREFIX)/sbin
SHAREDIR = $(DESTDIR)$(PREFIX)/share
CONFDIR = $(DESTDIR)$(SYSCONFDIR)/wanpipe

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')

# What ships is linked without tables for unwinding (src/release.ld says why), which rust's own
# linker cannot leave out.
LINK = -C link-arg=-fuse-ld=bfd -C link-arg=-Wl,-T,$(CURDIR)/src/release.ld

# These would replace the flags of .cargo/config.toml, and the executable would
# turn dynamic without a message.
unexport RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS

.PHONY: all install demo test generate bench bench-l2tp lint fuzz soak clean need-cargo
.DELETE_ON_ERROR:

all: need-cargo
	$(CARGO) rustc --release --package wanbox --bin wanbox -- $(LINK)
	@mkdir -p build
	@install -m 755 $(TARGET_DIR)/$(HOST)/release/wanbox build/wanbox

generate: need-cargo
	$(CARGO) build --package wanbox --bin wanbox
	@mkdir -p man completions/bash completions/zsh completions/fish
	$(TARGET_DIR)/$(HOST)/debug/wanbox --generate man man
	for shell in bash zsh fish; do \
	  $(TARGET_DIR)/$(HOST)/debug/wanbox --generate $$shell completions/$$shell || exit 1; \
	done
	REGENERATE=1 $(CARGO) test --quiet --package wanbox-l2tpns-engine the_manual_has_every_variable

need-cargo:
	@command -v $(CARGO) >/dev/null || { echo "make: $(CARGO) is missing: install a stable Rust toolchain (1.95 or later)" >&2; exit 1; }

# Installs what was built. Configuration that is already there stays as it is.
install:
	@test -x build/wanbox || { echo "make install: build/wanbox is missing: run make first" >&2; exit 1; }
	install -d $(BINDIR) $(SBINDIR) $(SHAREDIR)/man/man5 $(SHAREDIR)/man/man7 $(SHAREDIR)/man/man8 $(SHAREDIR)/wanbox/examples $(CONFDIR)/interfaces \
	  $(SHAREDIR)/bash-completion/completions $(SHAREDIR)/zsh/site-functions $(SHAREDIR)/fish/vendor_completions.d
	install -m 755 build/wanbox $(BINDIR)/wanbox
	$(BINDIR)/wanbox --install -s $(SBINDIR)
	install -m 644 man/*.5 $(SHAREDIR)/man/man5/
	install -m 644 man/*.7 $(SHAREDIR)/man/man7/
	install -m 644 man/*.8 $(SHAREDIR)/man/man8/
	install -m 644 completions/bash/* $(SHAREDIR)/bash-completion/completions/
	install -m 644 completions/zsh/* $(SHAREDIR)/zsh/site-functions/
	install -m 644 completions/fish/* $(SHAREDIR)/fish/vendor_completions.d/
	cp -R samples/. $(SHAREDIR)/wanbox/
	install -m 644 examples/wanapi.rs examples/wanapi.py examples/x25api.rs examples/x25api.py examples/l2tpns-plugin.py $(SHAREDIR)/wanbox/examples/
	test -e $(CONFDIR)/wanrouter.rc || install -m 644 samples/wanrouter.rc $(CONFDIR)/wanrouter.rc

demo: all
	$(CARGO) build --quiet --release --package wanbox-demo
	@$(TARGET_DIR)/$(HOST)/release/demo build/wanbox

test:
	@tests/setup
	@$(MAKE) --no-print-directory all
	@tests/run

bench: all
	@tests/setup
	$(CARGO) build --quiet --release --package wanbox-bench
	$(CARGO) build --quiet --release --package wanbox-net-tcp --example loopback
	$(CARGO) build --quiet --release --package wanbox-net-engine --example routes
	@# As on a router, run-time files are in memory: waiting for a disk would count as a wake-up.
	@if test -w /dev/shm; then export TMPDIR=/dev/shm; fi; $(TARGET_DIR)/$(HOST)/release/bench build/wanbox $(ARGS)

# For example: make bench-l2tp ARGS="--runs 3 --many", ARGS="--only tcp --json"
bench-l2tp: all
	$(CARGO) build --quiet --release --package wanbox-load
	@$(TARGET_DIR)/$(HOST)/release/l2tp-bench build/wanbox $(ARGS)

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run tests/setup tests/run tests/fuzz/run tests/lab/run tests/lab/kernel tests/lab/modules tests/lab/init tests/lab/*.sh; \
	else echo "make lint: shellcheck is missing: our scripts were not checked" >&2; fi

soak: all
	@tests/setup
	@WANBOX_SOAK=1 WANBOX_BIN=$(CURDIR)/build/wanbox $(CARGO) test --package wanbox --test e2e -- net_paths::

fuzz:
	@SECONDS_EACH=$(SECONDS) tests/fuzz/run

clean:
	$(CARGO) clean
	rm -rf build tests/fuzz/target tests/fuzz/artifacts
