# SPDX-License-Identifier: GPL-2.0-only
# Part of the Makefile: where things go, on this machine or below DESTDIR.
prefix ?= /usr/local
DESTDIR ?=
ifneq ($(words x$(DESTDIR)$(prefix)),1)
$(error DESTDIR and prefix may have no spaces)
endif
override DESTDIR := $(abspath $(DESTDIR))
version = $(shell sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' bufflink.c)
# Debian's headers have it nowhere else as the folder of modules is named
release = $(firstword $(shell PATH=$$PATH:/usr/sbin:/sbin \
	modinfo -F vermagic bufflink.ko))
updates = $(DESTDIR)/lib/modules/$(release)/updates
source = $(DESTDIR)/usr/src/bufflink-$(version)
include = $(DESTDIR)$(prefix)/include/bufflink
lib = $(DESTDIR)$(prefix)/lib
libdir ?= $(prefix)/lib
libraries = $(DESTDIR)$(libdir)
man = $(DESTDIR)$(prefix)/share/man
completions = $(DESTDIR)$(prefix)/share/bash-completion/completions
# the other functions that the page of bufflink_append describes
functions := create create_named resize destroy number appendv printf
# what install-clients leaves, but for modules; who has a page in section 8 is
# for root
client_pages := $(foreach section,1 8, \
	$(patsubst %,man$(section)/%,$(notdir $(wildcard clients/*/*.$(section)))))
client_programs := $(patsubst man1/%.1,bin/%,$(filter man1/%,$(client_pages))) \
	$(patsubst man8/%.8,sbin/%,$(filter man8/%,$(client_pages)))
# whose buffers are for root alone
owners := $(filter-out %.mod,$(basename $(notdir \
	$(wildcard clients/*/bufflink_*.c))))
# what is ours among the kernels' modules
ours := bufflink.symvers bufflink.ko* bufflink

.NOTPARALLEL:	# an install begins by taking away

install: paths dkms-uninstall install-module install-support install-tools \
		install-library
	[ "$(DESTDIR)" ] || depmod -a $(release)

# Its key to sign with is not among Debian's headers.
install-module: modules
	$(MAKE) $(kbuild) INSTALL_MOD_PATH=$(DESTDIR) \
		INSTALL_MOD_DIR=updates CONFIG_MODULE_SIG_ALL= modules_install
	install -m 644 Module.symvers $(updates)/bufflink.symvers

# what goes with the module, however that is built
install-support:
	install -D -m 644 bufflink.h $(include)/bufflink.h
	install -m 644 packaging/Kbuild.client $(include)/Kbuild
	install -D -m 644 userland/bufflink_append.9 $(man)/man9/bufflink_append.9
	install -D -m 644 packaging/bufflink.modules-load \
		$(lib)/modules-load.d/bufflink.conf
	for name in $(functions); do \
		ln -sf bufflink_append.9 $(man)/man9/bufflink_$$name.9; \
	done

# The group comes first: udev must know it when it reads the rule.
install-tools: tool
	install -D userland/bufflink $(DESTDIR)$(prefix)/bin/bufflink
	install -D -m 644 userland/bufflink.1 $(man)/man1/bufflink.1
	install -D -m 644 userland/bufflink.4 $(man)/man4/bufflink.4
	install -D -m 644 userland/bufflink.bash-completion \
		$(completions)/bufflink
	install -D -m 644 packaging/bufflink.sysusers \
		$(lib)/sysusers.d/bufflink.conf
	[ "$(DESTDIR)" ] || ! command -v systemd-sysusers >/dev/null || \
		systemd-sysusers $(lib)/sysusers.d/bufflink.conf
	install -d $(lib)/udev/rules.d
	owners='$(owners)'; sed "s/@OWNERS@/$$(echo $$owners | tr ' ' '|')/" \
		packaging/60-bufflink.rules >$(lib)/udev/rules.d/60-bufflink.rules
	[ "$(DESTDIR)" ] || [ ! -e /run/udev/control ] || { \
		udevadm control --reload; \
		udevadm trigger --sysname-match='bufflink[0-9]*'; }

# Its header needs bufflink.h, which install-support has put beside it.
install-library:
	$(MAKE) -C userland library
	install -D -m 644 -t $(libraries) userland/libbufflink/libbufflink.a \
		userland/libbufflink/libbufflink.so.1
	ln -sf libbufflink.so.1 $(libraries)/libbufflink.so
	install -D -m 644 userland/libbufflink/libbufflink.h \
		$(include)/libbufflink.h
	install -d $(libraries)/pkgconfig
	sed 's,@prefix@,$(prefix),; s,@libdir@,$(libdir),; s,@version@,$(version),' \
		userland/libbufflink/bufflink.pc.in \
		>$(libraries)/pkgconfig/bufflink.pc
	chmod 644 $(libraries)/pkgconfig/bufflink.pc
	install -D -m 644 userland/libbufflink/libbufflink.3 \
		$(man)/man3/libbufflink.3
	[ "$(DESTDIR)" ] || ldconfig

install-clients: clients
	$(MAKE) $(kbuild)/clients INSTALL_MOD_PATH=$(DESTDIR) \
		INSTALL_MOD_DIR=updates/bufflink CONFIG_MODULE_SIG_ALL= \
		modules_install
	for program in $(client_programs); do \
		install -D clients/*/$${program##*/} \
			$(DESTDIR)$(prefix)/$$program || exit; \
	done
	install -d $(completions)
	for program in $(client_programs); do \
		ln -sf bufflink $(completions)/$${program##*/} || exit; \
	done
	for page in $(client_pages); do \
		install -D -m 644 clients/*/$${page##*/} $(man)/$$page || exit; \
	done
	[ "$(DESTDIR)" ] || depmod -a $(release)

install-source:
	install -D -m 644 -t $(source) bufflink.c bufflink.h Kbuild dkms.conf
	install -D -t $(source)/packaging packaging/keep-symvers

dkms-install: uninstall install-source install-support install-tools \
		install-library
	[ "$(DESTDIR)" ] || packaging/dkms.sh install $(version)

dkms-uninstall:
	[ "$(DESTDIR)" ] || packaging/dkms.sh uninstall
	rm -rf $(DESTDIR)/usr/src/bufflink-[0-9]*

uninstall: dkms-uninstall
	rm -rf $(include)
	rm -f $(DESTDIR)$(prefix)/bin/bufflink $(completions)/bufflink \
		$(man)/man1/bufflink.1 $(man)/man4/bufflink.4 \
		$(man)/man9/bufflink_append.9 \
		$(functions:%=$(man)/man9/bufflink_%.9) \
		$(lib)/udev/rules.d/60-bufflink.rules \
		$(lib)/sysusers.d/bufflink.conf \
		$(lib)/modules-load.d/bufflink.conf \
		$(libraries)/libbufflink.a $(libraries)/libbufflink.so \
		$(libraries)/libbufflink.so.1 \
		$(libraries)/pkgconfig/bufflink.pc $(man)/man3/libbufflink.3 \
		$(addprefix $(completions)/,$(notdir $(client_programs))) \
		$(client_programs:%=$(DESTDIR)$(prefix)/%) \
		$(client_pages:%=$(man)/%)
	for file in $(ours:%=$(DESTDIR)/lib/modules/*/updates/%); do \
		[ -e $$file ] || continue; \
		rm -r $$file; \
		updates=$${file%/*} kernel=$${updates%/*}; \
		rmdir --ignore-fail-on-non-empty $$updates; \
		[ "$(DESTDIR)" ] || depmod -a $${kernel##*/}; \
	done
	[ "$(DESTDIR)" ] || ldconfig

.PHONY: install install-module install-support install-tools install-library \
	install-clients \
	install-source dkms-install dkms-uninstall uninstall
