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
client_source = $(DESTDIR)/usr/src/bufflink-clients-$(version)
bin = $(DESTDIR)$(prefix)/bin
sbin = $(DESTDIR)$(prefix)/sbin
include = $(DESTDIR)$(prefix)/include/bufflink
lib = $(DESTDIR)$(prefix)/lib
libdir ?= $(prefix)/lib
libraries = $(DESTDIR)$(libdir)
man = $(DESTDIR)$(prefix)/share/man
completions = $(DESTDIR)$(prefix)/share/bash-completion/completions
unitdir ?= $(prefix)/lib/systemd/system
units = $(DESTDIR)$(unitdir)
# logrotate looks nowhere else
rotations = $(DESTDIR)/etc/logrotate.d
# the other functions that the page of bufflink_append describes
functions := create create_named resize destroy number appendv printf

# The files of clients for the user, as FILE^PLACE. A program whose page is in
# section 8 is for root.
place = $(foreach file,$(wildcard clients/*/*.$1),\
	$(file)^$2/$(notdir $(file)))
client_data = $(call place,1,$(man)/man1) $(call place,8,$(man)/man8) \
	$(call place,service,$(units))
client_rotations = $(patsubst %.logrotate,%,$(call place,logrotate,$(rotations)))
client_units = $(addprefix $(units)/,$(notdir $(wildcard clients/*/*.service)))
client_programs = $(foreach program,$(basename $(wildcard clients/*/bufflink-*.c)),\
	$(program)^$(if $(wildcard $(program).8),$(sbin),$(bin))/$(notdir $(program)))
# The one of bufflink completes all programs.
client_completions = $(patsubst %,$(completions)/%,\
	$(notdir $(basename $(wildcard clients/*/bufflink-*.c))))
# whose buffers are for root alone
client_modules = $(patsubst %.o,%,$(filter %.o,\
	$(shell sed -n 's/^obj-.*=//p' clients/*/Kbuild)))

# All but modules, and files of DKMS's
installed = $(include)/bufflink.h $(include)/Kbuild \
	$(bin)/bufflink $(completions)/bufflink \
	$(man)/man1/bufflink.1 $(man)/man4/bufflink.4 \
	$(man)/man9/bufflink_append.9 $(functions:%=$(man)/man9/bufflink_%.9) \
	$(lib)/udev/rules.d/60-bufflink.rules $(lib)/sysusers.d/bufflink.conf \
	$(lib)/modules-load.d/bufflink.conf \
	$(include)/libbufflink.h $(man)/man3/libbufflink.3 \
	$(libraries)/libbufflink.a $(libraries)/libbufflink.so \
	$(libraries)/libbufflink.so.1 $(libraries)/pkgconfig/bufflink.pc \
	$(client_completions) \
	$(foreach file,$(client_data) $(client_programs),\
		$(lastword $(subst ^, ,$(file))))

# The kernel's build system, and depmod, make files that others can read only if
# umask permits it.
readable := umask 022;
depmod = [ "$(DESTDIR)" ] || depmod -a $(release)
systemd = $(if $(DESTDIR),,$(wildcard /run/systemd/system))
reload_units = [ ! "$(systemd)" ] || systemctl daemon-reload

.NOTPARALLEL:	# an install looks first, then builds, and begins by taking away

install: needed := modinfo $(if $(DESTDIR),,depmod)
install: paths commands packages modules tool dkms-uninstall install-module \
		install-support install-tools install-library
	packaging/remove-modules.sh orphans $(DESTDIR)
	$(readable) $(depmod)

commands:
	@rc=0; PATH=$$PATH:/usr/sbin:/sbin; for command in $(needed); do \
		command -v $$command >/dev/null && continue; \
		package=kmod; [ $$command != dkms ] || package=dkms; \
		echo >&2 "Cannot install: there is no $$command (Debian: $$package)."; \
		rc=1; \
	done; exit $$rc

# Files that packages have installed are left to them.
packages:
	@[ "$(DESTDIR)" ] || packaging/packages.sh

# It may have been built with a umask that leaves nothing to others. Its key to
# sign with is not among Debian's headers.
install-module: modules
	chmod a+r bufflink.ko
	$(readable) $(MAKE) $(kbuild) INSTALL_MOD_PATH=$(DESTDIR) \
		INSTALL_MOD_DIR=updates CONFIG_MODULE_SIG_ALL= modules_install
	install -m 644 Module.symvers $(updates)/bufflink.symvers

# The files that go with the module, however that is built
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
	install -D userland/bufflink $(bin)/bufflink
	install -D -m 644 userland/bufflink.1 $(man)/man1/bufflink.1
	install -D -m 644 userland/bufflink.4 $(man)/man4/bufflink.4
	install -D -m 644 userland/bufflink.bash-completion \
		$(completions)/bufflink
	install -D -m 644 packaging/bufflink.sysusers \
		$(lib)/sysusers.d/bufflink.conf
	[ "$(DESTDIR)" ] || ! command -v systemd-sysusers >/dev/null || \
		systemd-sysusers $(lib)/sysusers.d/bufflink.conf
	owners='$(client_modules)'; \
	sed "s/@OWNERS@/$$(echo $$owners | tr ' ' '|')/" packaging/60-bufflink.rules | \
		install -D -m 644 /dev/stdin $(lib)/udev/rules.d/60-bufflink.rules
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

install-clients: needed := $(if $(DESTDIR),,modinfo depmod)
install-clients: paths commands packages clients install-programs
	chmod a+r clients/*/*.ko
	$(readable) $(MAKE) $(kbuild)/clients INSTALL_MOD_PATH=$(DESTDIR) \
		INSTALL_MOD_DIR=updates/bufflink CONFIG_MODULE_SIG_ALL= \
		modules_install
	$(readable) $(depmod)

install-programs: programs
	for file in $(client_programs); do \
		install -D $${file%^*} $${file#*^} || exit; \
	done
	install -d $(completions)
	for completion in $(client_completions); do \
		ln -sf bufflink $$completion || exit; \
	done
	for file in $(client_data) $(client_rotations); do \
		install -D -m 644 $${file%^*} $${file#*^} || exit; \
	done
	$(reload_units)

install-source:
	install -D -m 644 -t $(source) bufflink.c bufflink.h Kbuild dkms.conf
	install -D -t $(source)/packaging packaging/keep-symvers

# A tree of its own: a client that cannot be built must not keep bufflink from it.
install-client-source:
	for file in clients/Kbuild clients/*.h clients/*/Kbuild \
			clients/*/bufflink_*.[ch]; do \
		install -D -m 644 $$file $(client_source)/$$file || exit; \
	done
	rm -f $(client_source)/clients/*/*.mod.c
	install -m 644 bufflink.h $(client_source)/bufflink.h
	packaging/clients-dkms.sh $(version) | \
		install -m 644 /dev/stdin $(client_source)/dkms.conf

dkms-install: needed := $(if $(DESTDIR),,dkms)
dkms-install: commands packages tool dkms-uninstall remove-module \
		install-source install-support install-tools install-library
	[ "$(DESTDIR)" ] || { rc=0; packaging/dkms.sh install $(version) || rc=1; \
		packaging/remove-modules.sh orphans; exit $$rc; }

dkms-uninstall:
	$(if $(DESTDIR),rm -rf $(DESTDIR)/usr/src/bufflink-[0-9]*,\
		packaging/dkms.sh uninstall)

# DKMS puts none beside it.
remove-module:
	packaging/remove-modules.sh bufflink $(DESTDIR)

# Nothing is begun if files would be left where they are, as they are a package's.
# Only files for logrotate have the same place in both.
uninstall: no-package-has dkms-uninstall
	[ "$(DESTDIR)" ] || ! command -v systemctl >/dev/null || \
		for unit in $(notdir $(wildcard $(client_units))); do \
			systemctl disable $(if $(systemd),--now) $$unit || \
				exit; \
		done
	packaging/remove-modules.sh all $(DESTDIR)
	rm -f $(installed)
	for file in $(foreach pair,$(client_rotations),\
		$(lastword $(subst ^, ,$(pair)))); do \
		[ ! "$(DESTDIR)" ] && dpkg-query -S $$file >/dev/null 2>&1 || \
			rm -f $$file; \
	done
	$(reload_units)
	[ ! -e $(include) ] || rmdir --ignore-fail-on-non-empty $(include)
	[ "$(DESTDIR)" ] || ldconfig

no-package-has:
	@[ "$(DESTDIR)" ] || packaging/packages.sh $(installed)

.PHONY: install commands packages install-module install-support install-tools \
	install-library install-clients install-programs install-source \
	install-client-source dkms-install \
	dkms-uninstall remove-module uninstall no-package-has
