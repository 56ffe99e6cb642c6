#
# This file and its contents are supplied under the terms of the
# Common Development and Distribution License ("CDDL"), version 1.0.
# You may only use this file in accordance with the terms of version
# 1.0 of the CDDL.
#
# A full copy of the text of the CDDL should have accompanied this
# source.  A copy of the CDDL is also available via the Internet at
# http://www.illumos.org/license/CDDL.
#

#
# Three kinds of C file live in this tree, and the directory tells which:
#
#   module/*/*.c, lib/*/kern/*.c, test/unit/*.c, test/abi/*.c
#	kernel code: illumos kernel headers only (ours, or a gate's), compiled
#	with -nostdinc so that no libc header can slip in
#   lib/*/host/*.c, cmd/vsockd/*.c, test/unit/host/*.c
#	host code: libc, and of the kernel only what lib/*/api/*.h declares
#   cmd/*
#	programs
#
# Variables: CC (gcc or clang), BUILD (output folder), SAN (address,undefined
# or thread: the value of -fsanitize=).
#

CC		= gcc
BUILD		= build
SAN		=
OPT		= -O2 -g

WARN		= -Wall -Wextra -Werror -Wno-unused-parameter \
		  -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith \
		  -Wvla -Wundef
# gcc warns that its ThreadSanitizer takes no notice of fences.
SANFLAGS	= $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) \
		  $(if $(filter gcc-thread,$(CC)-$(SAN)),-Wno-tsan)
COMMON		= -std=gnu11 $(OPT) $(WARN) $(SANFLAGS) -MMD -MP \
		  -fno-omit-frame-pointer -fno-strict-aliasing

KINC		= -nostdinc -isystem $(shell $(CC) -print-file-name=include) \
		  -Iinclude -Ilib/libfakekernel/include -Ilib/libfakedev/include \
		  -Ilib/libfakekernel/api -Ilib/libfakedev/api
KCFLAGS		= $(COMMON) $(KINC) -D_KERNEL -DDEBUG -D__sun -D__SVR4 \
		  -Ulinux -U__linux -U__linux__ -Uunix \
		  -ffreestanding -fno-common
HCFLAGS		= $(COMMON) -D_GNU_SOURCE -pthread \
		  -Ilib/libfakekernel/api -Ilib/libfakedev/api
LDLIBS		= -pthread

MODULES		= vsock vsockhv viosock
LIBS		= libfakekernel libfakedev

kobjs		= $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(1)))
modobjs		= $(call kobjs,module/$(1)/*.c)
libobjs		= $(call kobjs,lib/$(1)/kern/*.c lib/$(1)/host/*.c)
MODOBJS		= $(foreach m,$(MODULES),$(call modobjs,$(m)))
LIBOBJS		= $(foreach l,$(LIBS),$(call libobjs,$(l)))

MAKEFLAGS	+= --no-print-directory

# The parts of `make check', in their order.
CHECKS		= build unit asan bhyve adm vsockrun model fuzz sim gate man pair bench \
		  linux

all: programs
.PHONY: all programs check $(CHECKS:%=check-%) gate-install demo clean deps

include cmd/vsockd/Makefile.inc
include cmd/vsockrun/Makefile.inc
include cmd/vsockperf/Makefile.inc
include bhyve/Makefile.inc
include cmd/vsockadm/Makefile.inc
include test/Makefile.inc
include test/bhyve/Makefile.inc
include test/gate/Makefile.inc
include test/man/Makefile.inc
include test/linux/Makefile.inc
include tools/illumos/Makefile.inc
include test/illumos/Makefile.inc
include test/adm/Makefile.inc
include test/model/Makefile.inc
include test/fuzz/Makefile.inc
include test/sim/Makefile.inc
include bench/Makefile.inc

#
# Every test.  Each part leaves its result in a file, also when it fails, and
# the last line is their sum.
#
RESULTS		= $(patsubst %,$(BUILD)/check/%.result,$(filter-out asan,$(CHECKS))) \
		  $(BUILD)/asan/check/unit.result \
		  $(BUILD)/asan/check/bhyve.result

check: deps
	@rm -f $(RESULTS)
	-@for c in $(CHECKS); do $(MAKE) check-$$c; done
	@test/summary $(RESULTS)

# Tests in one process under AddressSanitizer and UndefinedBehaviorSanitizer.
check-asan:
	@$(MAKE) -k SAN=address,undefined BUILD=$(BUILD)/asan check-unit check-bhyve

# Races, without suppressions.  Takes many minutes, so it is not one of the
# parts.
check-tsan:
	@$(MAKE) -k SAN=thread BUILD=$(BUILD)/tsan check-unit check-sim
	@$(MAKE) BUILD=$(BUILD)/tsan FUZZ_SAN=thread ENGINE=corpus \
	    FUZZ='$(TSAN_FUZZ)' check-fuzz
.PHONY: check-tsan

# Both compilers, without a warning; and the tables of the kernel's interfaces,
# which are complete.
check-build: programs deps $(BUILD)/illumos-test/init $(ABI_OBJS)
	@mkdir -p $(BUILD)/check
	@{ if $(MAKE) CC=clang BUILD=$(BUILD)/clang programs abi; then \
	    echo "ok build/clang"; \
	else \
	    echo "FAILED build/clang"; \
	fi; \
	test/abi/complete --name build/abi \
	    --cpp '$(CC) $(filter-out -MMD -MP,$(KCFLAGS))' $(MODOBJS); \
	} | tools/count $(BUILD)/check/build.result

programs: $(PROGRAMS)

#
# Kernel objects.  Each module has its own _init, _fini and _info; in one
# process they need names of their own.
#
define module_rules
$(BUILD)/obj/module/$(1)/%.o: module/$(1)/%.c
	@mkdir -p $$(@D)
	$$(CC) $$(KCFLAGS) -D_init=$(1)_init -D_fini=$(1)_fini \
	    -D_info=$(1)_info -c -o $$@ $$<
endef
$(foreach m,$(MODULES),$(eval $(call module_rules,$(m))))

$(BUILD)/obj/lib/libfakekernel/kern/%.o: lib/libfakekernel/kern/%.c
	@mkdir -p $(@D)
	$(CC) $(KCFLAGS) -c -o $@ $<
$(BUILD)/obj/lib/libfakedev/kern/%.o: lib/libfakedev/kern/%.c
	@mkdir -p $(@D)
	$(CC) $(KCFLAGS) -c -o $@ $<
$(BUILD)/obj/test/abi/%.o: test/abi/%.c
	@mkdir -p $(@D)
	$(CC) $(KCFLAGS) -c -o $@ $<
$(BUILD)/obj/test/unit/host/%.o: test/unit/host/%.c
	@mkdir -p $(@D)
	$(CC) $(HCFLAGS) -c -o $@ $<
$(BUILD)/obj/test/unit/%.o: test/unit/%.c
	@mkdir -p $(@D)
	$(CC) $(KCFLAGS) -Itest/unit -c -o $@ $<
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(HCFLAGS) -c -o $@ $<

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -path '*/linux/programs' -prune -o -type f \
    -name '*.d' -print 2>/dev/null)
