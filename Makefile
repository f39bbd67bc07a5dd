# The front door: every target is a word. Meson and Ninja do the work behind it.
#
#   make deps      install what is missing (asks on a terminal; YES=1 does not)
#   make           build the programs into build/
#   make demo      a real workflow on real mails, killed in the middle; see what happened
#   make test      build and run every test; the last line counts them
#   make check     both compilers, format, lint, floors, sanitizers
#   make bench     measure against peers (ONLY=name for one)
#   make fuzz      fuzz every parser of foreign bytes (SECONDS_EACH=300)
#   make torture   the long power cuts, kills and floods
#   make install   into PREFIX (/usr/local), DESTDIR honoured

BUILD := build
PREFIX ?= /usr/local
DESTDIR ?=
SECONDS_EACH ?= 300
export YES

.PHONY: all deps build demo test check bench fuzz torture install clean

all: build

deps:
	@tools/deps

build: deps
	@tools/build $(BUILD)

demo: build
	@tools/demo

test: build
	@tools/test

check: deps
	@tools/check

bench: build
	@tools/bench "$(ONLY)"

fuzz: deps
	@tools/fuzz $(SECONDS_EACH)

torture: build
	@tools/torture

install: build
	@tools/install "$(DESTDIR)" "$(PREFIX)"

clean:
	rm -rf build-*
	find $(BUILD) -mindepth 1 -maxdepth 1 ! -name deb ! -name data -exec rm -rf {} + 2>/dev/null || true
