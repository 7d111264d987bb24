# SPDX-License-Identifier: GPL-2.0-only
# The Makefiles of programs have this in common; USERLAND is this folder.
CFLAGS ?= -O2
VERSION := $(shell sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' \
	$(USERLAND)/../bufflink.c)
COMPILE = $(CC) -std=gnu11 -Wall -Wextra -MMD -fPIC -D_FILE_OFFSET_BITS=64 \
	$(CPPFLAGS) $(CFLAGS) -DVERSION='"$(VERSION)"' \
	-I$(USERLAND)/.. -I$(USERLAND)
STATIC := $(USERLAND)/libbufflink/libbufflink.a
SHARED := $(patsubst %.c,%.o,$(wildcard $(USERLAND)/*.c))
LDLIBS += $(shell sed -n 's/^Libraries: //p' $(USERLAND)/needs)
.DEFAULT_GOAL := all

# All headers of the files NEEDS that are missing are named at once, each with the
# packages of its file.
headers:
	@rc=0; for needs in $(NEEDS); do \
		for header in $$(sed -n 's/^Headers: //p' $$needs); do \
			$(CC) $(CPPFLAGS) $(CFLAGS) -E -include $$header -x c \
				/dev/null >/dev/null 2>&1 && continue; \
			echo >&2 "Cannot build $(notdir $(CURDIR))/$${needs%needs}:" \
				"there is no $$header (Debian:" \
				"$$(sed -n 's/^Packages: //p' $$needs))."; \
			rc=1; \
		done; \
	done; exit $$rc

.PHONY: headers
