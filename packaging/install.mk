# SPDX-License-Identifier: GPL-2.0-only
# Part of the Makefile: where things go, on this machine or below DESTDIR.
prefix ?= /usr/local
DESTDIR ?=
version = $(shell sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' bufflink.c)
# Debian's headers have it nowhere else as the folder of modules is named
release = $(firstword $(shell modinfo -F vermagic bufflink.ko))
updates = $(DESTDIR)/lib/modules/$(release)/updates
source = $(DESTDIR)/usr/src/bufflink-$(version)
include = $(DESTDIR)$(prefix)/include/bufflink
lib = $(DESTDIR)$(prefix)/lib
man = $(DESTDIR)$(prefix)/share/man
completions = $(DESTDIR)$(prefix)/share/bash-completion/completions
# the other functions that the page of bufflink_append describes
functions := create destroy number appendv printf

.NOTPARALLEL:	# an install begins by taking away

install: dkms-uninstall install-module install-support install-tools
	[ "$(DESTDIR)" ] || depmod -a $(release)

install-module: modules
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_PATH=$(DESTDIR) \
		INSTALL_MOD_DIR=updates modules_install
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

install-tools: tool
	install -D userland/bufflink $(DESTDIR)$(prefix)/bin/bufflink
	install -D -m 644 userland/bufflink.1 $(man)/man1/bufflink.1
	install -D -m 644 userland/bufflink.4 $(man)/man4/bufflink.4
	install -D -m 644 userland/bufflink.bash-completion \
		$(completions)/bufflink
	install -D -m 644 packaging/60-bufflink.rules \
		$(lib)/udev/rules.d/60-bufflink.rules
	install -D -m 644 packaging/bufflink.sysusers \
		$(lib)/sysusers.d/bufflink.conf
	[ "$(DESTDIR)" ] || ! command -v systemd-sysusers >/dev/null || \
		systemd-sysusers $(lib)/sysusers.d/bufflink.conf

install-source:
	install -D -m 644 -t $(source) bufflink.c bufflink.h Kbuild dkms.conf
	install -D -t $(source)/packaging packaging/keep-symvers

dkms-install: uninstall install-source install-support install-tools
	[ "$(DESTDIR)" ] || for build in /lib/modules/*/build; do \
		[ -e $$build/Makefile ] || continue; \
		kernel=$${build%/build}; \
		dkms install bufflink/$(version) -k $${kernel##*/} || exit; \
	done

dkms-uninstall:
	@! dpkg -S $(source) >/dev/null 2>&1 || \
		{ echo >&2 "Remove the package bufflink-dkms first."; false; }
	[ "$(DESTDIR)" ] || \
		! dkms status bufflink/$(version) 2>/dev/null | grep -q . || \
		dkms remove bufflink/$(version) --all
	rm -rf $(source)

uninstall: dkms-uninstall
	rm -rf $(include)
	rm -f $(DESTDIR)$(prefix)/bin/bufflink $(completions)/bufflink \
		$(man)/man1/bufflink.1 $(man)/man4/bufflink.4 \
		$(man)/man9/bufflink_append.9 \
		$(functions:%=$(man)/man9/bufflink_%.9) \
		$(lib)/udev/rules.d/60-bufflink.rules \
		$(lib)/sysusers.d/bufflink.conf \
		$(lib)/modules-load.d/bufflink.conf
	for updates in $(DESTDIR)/lib/modules/*/updates; do \
		ls $$updates/bufflink.* >/dev/null 2>&1 || continue; \
		rm $$updates/bufflink.*; \
		rmdir --ignore-fail-on-non-empty $$updates; \
		kernel=$${updates%/updates}; \
		[ "$(DESTDIR)" ] || depmod -a $${kernel##*/}; \
	done

.PHONY: install install-module install-support install-tools install-source \
	dkms-install dkms-uninstall uninstall
