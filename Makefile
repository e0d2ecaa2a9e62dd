.PHONY: all lint
all:
	cargo build --release
lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
