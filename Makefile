# Carrel. `make` builds, `make check` runs the short test suite, `make help` lists the rest.
# B is the build folder: `make B=build/asan` keeps a second build beside the first.
B      ?= build
CC     ?= cc
EVAL   ?= ../shared/eval
PREFIX ?= /usr/local
CSTD   := -std=c11 -D_GNU_SOURCE
WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
CFLAGS ?= -O2 -g
SAFE   := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
LDSAFE := -pie -Wl,-z,relro,-z,now
# Sanitizers bring their own checks, and gcc's format warnings misfire under them.
ifneq ($(findstring sanitize,$(CFLAGS)),)
SAFE   := -fPIE -Wno-unknown-warning-option -Wno-format-truncation
endif

pc      = $(shell pkg-config --$(1) $(2))
PKG    := sqlite3 jansson libutf8proc libsodium libseccomp
PARSER := poppler-glib gio-2.0 cairo libqpdf libxml-2.0 libzip gmime-3.0 zlib libzstd liblzma libutf8proc libseccomp
PULL   := libcurl libsodium libseccomp
# Headers are found for all rooms at once; `make layers` checks which room includes which.
INC    := -I. $(call pc,cflags,$(PKG) $(PARSER) $(PULL))
LIBS   := $(call pc,libs,$(PKG)) -lstemmer -lpthread -lm
PLIBS  := $(call pc,libs,$(PARSER)) -lpthread -lm
# Not all that tesseract's own file for pkg-config names: libcurl and libarchive are its business.
OLIBS  := $(call pc,libs,$(PARSER)) -ltesseract -llept -lpng16 -ltiff -lcairo -lpthread -lm
QLIBS  := $(call pc,libs,$(PULL)) -lpthread -lm

# carrel is every room but ingest/parse; carrel-parse is ingest/parse, the record writer and base.
ROOMS  := base ingest index engine embed query cli
SRC    := $(foreach r,$(ROOMS),$(wildcard $(r)/*.c)) $(wildcard cli/eval/*.c)
MAIN   := cli/main.c
obj     = $(patsubst %.c,$(B)/%.o,$(1))
LIBOBJ := $(call obj,$(filter-out $(MAIN),$(SRC)))
PSHARE := $(call obj,$(wildcard base/*.c) $(wildcard ingest/record*.c))
PLIB   := $(call obj,$(filter-out ingest/parse/main.c,$(wildcard ingest/parse/*.c ingest/parse/*/*.c))) $(PSHARE)

# carrel-ocr is ingest/ocr, and ingest/parse to find the page and to lay out what is read on it.
OLIB   := $(call obj,$(filter-out ingest/ocr/main.c,$(wildcard ingest/ocr/*.c)) ingest/languages.c) $(PLIB)

# carrel-pull is cli/pull, base, and what it shares with the commands: places, signals, near names.
QLIB   := $(call obj,$(filter-out cli/pull/main.c,$(wildcard cli/pull/*.c)))
QSHARE := $(call obj,cli/paths.c cli/stop.c cli/options.c $(wildcard base/*.c))

all: $(B)/carrel $(B)/carrel-parse $(B)/carrel-ocr $(B)/carrel-pull

$(B)/carrel: $(call obj,$(MAIN)) $(LIBOBJ)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(LIBS)

$(B)/carrel-parse: $(B)/ingest/parse/main.o $(PLIB)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(PLIBS)

$(B)/carrel-ocr: $(B)/ingest/ocr/main.o $(OLIB)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(OLIBS)

$(B)/carrel-pull: $(B)/cli/pull/main.o $(QLIB) $(QSHARE)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(QLIBS)

# One instruction set for one file: kernels are chosen at run time; other machines compile these
# files to nothing.
TARGET := $(shell $(CC) -dumpmachine)
ifneq ($(findstring x86_64,$(TARGET)),)
$(B)/%_avx2.o: ISA := -mavx2 -mfma -mf16c
$(B)/%_avxvnni.o: ISA := -mavxvnni -mavx2 -mfma -mf16c
$(B)/%_avx512.o: ISA := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mavx2 -mfma -mf16c
endif
ifneq ($(findstring aarch64,$(TARGET)),)
$(B)/%_dotprod.o: ISA := -march=armv8.2-a+dotprod
endif

COMPILE = $(CC) $(CSTD) $(WARN) $(CFLAGS) $(SAFE) $(ISA) $(INC) -MMD -MP
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/carrel/models
	install $(B)/carrel $(B)/carrel-parse $(B)/carrel-ocr $(B)/carrel-pull $(DESTDIR)$(PREFIX)/bin
	install -m 644 models/*.gguf models/README.md models/ATTRIBUTION.md $(DESTDIR)$(PREFIX)/share/carrel/models
	install -m 644 cli/models.txt $(DESTDIR)$(PREFIX)/share/carrel

# ---- tests: tests/unit/test_ROOM_WHAT.c are cmocka programs linked with every room -------------
UNIT   := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
HELP   := $(call obj,$(wildcard tests/support/*.c))
TOOLS  := $(patsubst tests/tools/%.c,$(B)/tools/%,$(wildcard tests/tools/*.c)) $(B)/carrel-eval $(B)/check-samples $(B)/eval-ingest
# A fuzz target of a room of carrel; the others are of parsers, and need carrel-parse's objects and libraries.
FUZZ   := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
CFUZZ  := boxes chunk gguf ignore query record tokenizer words
PFUZZ  := $(filter-out $(CFUZZ),$(FUZZ))
REPLAY := $(FUZZ:%=$(B)/replay/fuzz_%)

$(UNIT): $(B)/tests/%: $(B)/tests/unit/%.o $(LIBOBJ) $(HELP)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(LIBS) -lcmocka
# The trainer's arithmetic, without the instructions of this machine: in 32 bits.
$(B)/tests/test_train: $(call obj,$(addprefix models/train/,common.c gemm.c network.c adam.c rows.c sampler.c reader_file.c))
$(B)/tests/test_ingest_ocr: $(call obj,ingest/parse/image/tiff.c ingest/parse/confine.c)
$(B)/tests/test_ingest_archive: LIBS += -lzip -lz
$(B)/tests/test_ingest_zim: LIBS += -lzstd -llzma
$(B)/tests/test_cli_pull: $(filter-out %/fetch.o,$(QLIB))
$(B)/tools/%: $(B)/tests/tools/%.o $(LIBOBJ) $(HELP)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(LIBS)
$(B)/bench_%: $(B)/tests/bench/bench_%.o $(LIBOBJ) $(HELP)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(LIBS)
# Questions of the eval sets through the rooms themselves, to time what carrel does not tell.
$(B)/bench_drafts: $(call obj,tests/bench/bench_drafts.c tests/eval/squad.c tests/eval/support.c) $(LIBOBJ)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(LIBS) -lz
EVALLIB := $(call obj,cli/eval/score.c tests/eval/support.c $(wildcard base/*.c))
$(B)/carrel-eval: $(call obj,$(addprefix tests/eval/,eval.c retrieval.c answers.c squad.c documents.c)) $(EVALLIB)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(LIBS) -lz
$(B)/check-samples: $(call obj,tests/eval/check_samples.c) $(EVALLIB)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(LIBS) -lz
# What parsing makes of documents whose text is known; carrel-parse does the parsing.
$(B)/eval-ingest: $(call obj,$(wildcard tests/eval/ingest/*.c) tests/eval/support.c) $(LIBOBJ)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(LIBS) -lz $(call pc,libs,libxml-2.0)

$(PFUZZ:%=$(B)/replay/fuzz_%): $(B)/replay/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(PLIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(PLIBS)
$(B)/replay/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(LIBOBJ) $(HELP)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(LIBS)

# carrel looks for its models beside the repository's build folder: build/../models.
check: all $(UNIT) $(TOOLS) $(REPLAY)
	tests/run.sh $(B)

SAN := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
asan:
	$(MAKE) B=build/asan CFLAGS="$(SAN)" check

# The kernels of arm64 on another machine: needs gcc-aarch64-linux-gnu, qemu-user and arm64's cmocka
# and utf8proc (dpkg --add-architecture arm64; libcmocka-dev:arm64 libutf8proc-dev:arm64).
ARM64 := panels kernels attention
check-arm64:
	$(MAKE) B=build/arm64 CC=aarch64-linux-gnu-gcc INC=-I. arm64-run
arm64-run: $(ARM64:%=$(B)/arm64/test_engine_%)
	for t in $^; do qemu-aarch64 -cpu max $$t && qemu-aarch64 -cpu cortex-a53 $$t || exit 1; done
$(B)/arm64/%: $(B)/tests/unit/%.o $(call obj,$(wildcard base/*.c engine/*.c)) $(HELP)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ -lcmocka -lutf8proc -lpthread -lm

# FUZZ_SECONDS each, with libFuzzer; `make fuzz ONE=gguf` runs one.
FUZZ_SECONDS ?= 60
fuzz:
	$(MAKE) B=build/fuzz CC=clang CFLAGS="-O1 -g -fsanitize=fuzzer-no-link,address,undefined" fuzz-run
fuzz-run: $(FUZZ:%=$(B)/fuzz_%)
	for f in $(or $(ONE),$(FUZZ)); do mkdir -p $(B)/corpus/$$f && \
	  $(B)/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 \
	  $(B)/corpus/$$f tests/fuzz/corpus/$$f || exit 1; done
FUZZLINK = $(CC) $(CFLAGS) -fsanitize=fuzzer $(LDSAFE) -o $@ $^
$(PFUZZ:%=$(B)/fuzz_%): $(B)/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(PLIB)
	$(FUZZLINK) $(PLIBS)
$(B)/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(LIBOBJ) $(HELP)
	$(FUZZLINK) $(LIBS)

# ---- measuring -------------------------------------------------------------------------------
eval: all $(TOOLS)
	$(B)/carrel-eval $(EVAL)
eval-ingest: all $(B)/eval-ingest
	$(B)/eval-ingest --rows 10 --out $(B)/eval-ingest.tsv $(EVAL)
# Broken, huge, deep, looping and malicious files: the whole corpus, each file by itself too.
hostile: all
	rm -rf $(B)/hostile && python3 -B tests/hostile/make.py $(B)/hostile
	python3 -B tests/hostile/run.py $(B) $(B)/hostile --each
kill: all
	bash tests/eval/kill.sh $(B) $(EVAL)
bench: all $(B)/bench_index $(B)/bench_engine $(B)/bench_drafts $(TOOLS)
	bash tests/bench/run.sh $(B) $(EVAL)

# ---- the built-in models (models/train/run) -----------------------------------------------------
# The trainers run where they are built: for this machine's processor, and with loose float arithmetic.
# The fixtures are computed in 32 bits.
TRAIN    := train-reader train-embed train-pack train-fixtures
TRAINLIB := common gemm network adam rows sampler pairs reader_file
TRAINCC   = $(COMPILE) -O3 -ffast-math -march=native
train: $(TRAIN:%=$(B)/train/%)
$(B)/train/%.o: models/train/%.c
	@mkdir -p $(@D)
	$(TRAINCC) -c -o $@ $<
$(B)/train/exact/%.o: models/train/%.c
	@mkdir -p $(@D)
	$(TRAINCC) $(if $(findstring x86_64,$(TARGET)),-mno-avx512fp16) -c -o $@ $<
TRAINLINK = $(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(LIBS)
$(B)/train/train-reader: $(B)/train/train_reader.o $(TRAINLIB:%=$(B)/train/%.o) $(LIBOBJ)
	$(TRAINLINK)
$(B)/train/train-embed: $(B)/train/train_embed.o $(TRAINLIB:%=$(B)/train/%.o) $(LIBOBJ)
	$(TRAINLINK)
$(B)/train/train-pack: $(B)/train/pack_examples.o $(TRAINLIB:%=$(B)/train/%.o) $(LIBOBJ)
	$(TRAINLINK)
$(B)/train/train-fixtures: $(B)/train/exact/fixtures.o $(TRAINLIB:%=$(B)/train/exact/%.o) $(LIBOBJ)
	$(TRAINLINK)

# ---- the promises and the house ----------------------------------------------------------------
offline: all
	bash tests/tools/offline.sh $(B)
layers:
	@bash tests/tools/layers.sh
OURS := $(wildcard $(ROOMS:%=%/*.[ch]) models/train/*.[ch] ingest/parse/*.[ch] ingest/parse/*/*.[ch] ingest/ocr/*.[ch] cli/pull/*.[ch] cli/eval/*.[ch] tests/*/*.[ch] tests/eval/ingest/*.[ch])
lint:
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,portability \
	  --suppress=missingIncludeSystem --suppress=unknownMacro -I. -D_GNU_SOURCE -D__x86_64__ $(filter %.c,$(OURS))
	clang -fsyntax-only -Werror $(CSTD) $(WARN) -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mavxvnni $(INC) $(filter %.c,$(OURS))
format:
	clang-format -i $(OURS)

run: all
	./setup --run-only
clean:
	rm -rf build
help:
	@sed -n 's/^\([a-z-]*\):.*/\1/p' Makefile | sort -u | tr '\n' ' '; echo

.PHONY: all install train check check-arm64 arm64-run asan fuzz fuzz-run eval eval-ingest hostile kill bench offline layers lint format run clean help
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
