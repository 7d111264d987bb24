# SPDX-License-Identifier: GPL-2.0-only
# What the Makefiles of programs have in common; USERLAND is this folder.
CFLAGS ?= -O2
VERSION := $(shell sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' \
	$(USERLAND)/../bufflink.c)
COMPILE = $(CC) -std=gnu11 -Wall -Wextra -MMD -fPIC -D_FILE_OFFSET_BITS=64 \
	$(CPPFLAGS) $(CFLAGS) -DVERSION='"$(VERSION)"' \
	-I$(USERLAND)/.. -I$(USERLAND)
STATIC := $(USERLAND)/libbufflink/libbufflink.a
SHARED := $(USERLAND)/program.o $(USERLAND)/text.o
LDLIBS += -ljson-c
