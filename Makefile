# Carrel. `make` builds, `make check` runs the short test suite, `make help` lists the rest.
# B is the build folder: `make B=build/asan` keeps a second build beside the first.
B      ?= build
CC     ?= cc
CSTD   := -std=c11 -D_GNU_SOURCE
WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
CFLAGS ?= -O2 -g
SAFE   := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
LDSAFE := -pie -Wl,-z,relro,-z,now
ifneq ($(findstring sanitize,$(CFLAGS)),)
SAFE   := -fPIE
endif

pc      = $(shell pkg-config --$(1) $(2))
PKG    := sqlite3 jansson libutf8proc libsodium libseccomp
PARSER := poppler-glib libxml-2.0 libutf8proc libseccomp
# Headers are found for all rooms at once; `make layers` checks which room includes which.
INC    := -I. $(call pc,cflags,$(PKG) $(PARSER))
LIBS   := $(call pc,libs,$(PKG)) -lstemmer -lpthread -lm
PLIBS  := $(call pc,libs,$(PARSER)) -lpthread -lm

# carrel is every room but ingest/parse; carrel-parse is ingest/parse, the record writer and base.
ROOMS  := base ingest index engine embed query cli
SRC    := $(foreach r,$(ROOMS),$(wildcard $(r)/*.c))
MAIN   := cli/main.c
PSRC   := $(wildcard ingest/parse/*.c)
obj     = $(patsubst %.c,$(B)/%.o,$(1))
LIBOBJ := $(call obj,$(filter-out $(MAIN),$(SRC)))
PSHARE := $(call obj,$(wildcard base/*.c) $(wildcard ingest/record*.c))

all: $(B)/carrel $(B)/carrel-parse

$(B)/carrel: $(call obj,$(MAIN)) $(LIBOBJ)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(LIBS)

$(B)/carrel-parse: $(call obj,$(PSRC)) $(PSHARE)
	$(CC) $(CFLAGS) $(LDSAFE) -o $@ $^ $(PLIBS)

# One instruction set for one file: kernels are chosen at run time.
$(B)/%_avx2.o: ISA := -mavx2 -mfma -mf16c
$(B)/%_avx512.o: ISA := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mavx2 -mfma -mf16c

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(WARN) $(CFLAGS) $(SAFE) $(ISA) $(INC) -MMD -MP -c -o $@ $<

# ---- tests: tests/unit/test_ROOM_WHAT.c are cmocka programs linked with every room -------------
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))

$(B)/tests/%: tests/unit/%.c $(LIBOBJ)
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(WARN) $(CFLAGS) $(SAFE) $(INC) -MMD -MP -o $@ $< $(LIBOBJ) $(LDSAFE) $(LIBS) -lcmocka

unit: $(UNIT)

clean:
	rm -rf build

.PHONY: all unit clean
-include $(shell find $(B) -name '*.d' 2>/dev/null)
