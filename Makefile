# SPDX-License-Identifier: GPL-2.0-only
KDIR ?= /lib/modules/$(shell uname -r)/build
KERNELS ?= 6.1 6.12
KERNEL ?= 6.12
CPUS ?= 2 4
PORT ?= 1234
SUITE ?=
PART ?=
RESULTS ?=
# Headers with BTF would have pahole add it to a module, which nobody needs. A
# Kbuild file cannot forbid it: no such file is read where that is done.
kbuild = -C $(KDIR) CONFIG_DEBUG_INFO_BTF_MODULES= M=$(CURDIR)
demos := $(patsubst clients/%/demo.sh,demo-%,$(wildcard clients/*/demo.sh))
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

#: On this machine's own kernel:
#:   make            build the module, the example and the tool
#:   make clients    build the modules and programs of clients/
#:   make load       load the module that was built; make unload: remove it
#:   make clean      remove all that was built
#:   make install    install all but the clients, for the kernel of KDIR
#:   make install-clients  install these, for the same kernel
#:   make dkms-install  install all but these, for every kernel, by DKMS
#:   make uninstall  remove all that these installed
#:   make deb        build Debian packages, into build/deb
#: In a kernel's sources, to be built with it:
#:   make in-tree LINUX=DIR  put bufflink and the modules of clients/ there;
#:                   with PATCHES=DIR, also write that as patches, into this folder
#: In a virtual machine, with missing packages installed from Debian 12:
#:   make demo       see bufflink at work
#:   make demo-NAME  see the client in clients/NAME at work
#:   make shell      get a prompt in a booted kernel with bufflink
#:   make gdb        the same, and wait for gdb before the kernel starts
#:   make check      run all tests on stock kernels
#:   make check-shell  try make shell
#:   make check-model  check the order of its steps with Spin (no VM)
#:   make check-hostile  try hard to break it: sanitizers, real-time kernels,
#:                   faults, races, torturers, other machines (an hour)
#:   make check-in-tree  build it into the newest kernel, and boot that
#:   make check-installed  install the packages on a bare Debian 12 and use them
#:   make bench      measure it beside relay, kfifo, BPF's ring and others
#:   make bench-icount  count an append's instructions: are they more now?
#:   make style      check the style of the sources
#: Variables:
#:   KDIR=DIR        headers of the kernel to build for, if not the running one
#:   prefix=DIR, DESTDIR=DIR  where install goes (/usr/local, nothing)
#:   KERNEL=6.1      kernel of demo, shell and gdb (6.12)
#:   KERNELS=6.1     kernels of check ("6.1 6.12")
#:   CPUS=2          numbers of virtual CPUs of check ("2 4"): the last kernel boots
#:                   with each, others, and shell and gdb, with the first
#:   PORT=1234       where gdb finds the kernel (1234)
#:   SUITE=check_read  the only suite to run
#:   AT_ONCE=1       virtual machines at a time, of all runs (2)
#:   PART=kasan      the only part of check-hostile, see tests/vm/hostile.sh
#:   RESULTS=DIR     where bench leaves its results (build/bench)
all: modules tool

modules: headers
	$(MAKE) $(kbuild) modules
	$(MAKE) $(kbuild)/test_module modules \
		KBUILD_EXTRA_SYMBOLS=$(CURDIR)/Module.symvers

# From here on, both paths go without quotes.
paths: export headers = $(KDIR)
paths:
	@packaging/check-paths.sh \
		"the sources" "$$(pwd -P)" "move them to another folder" \
		"the kernel headers" "$$headers" \
		"say with KDIR=DIR where there are others"

headers: paths
	@[ -e $(KDIR)/Makefile ] || { \
		echo >&2 "No kernel headers in $(KDIR): install" \
		"linux-headers-$$(uname -r), or say where they are with KDIR=DIR."; \
		exit 1; }

tool:
	$(MAKE) -C userland bufflink

clients: programs modules
	$(MAKE) $(kbuild)/clients modules \
		KBUILD_EXTRA_SYMBOLS=$(CURDIR)/Module.symvers

programs: paths
	$(MAKE) -C clients

load: bufflink.ko
	$(SUDO) insmod bufflink.ko

bufflink.ko:
	@echo >&2 "There is no bufflink.ko yet: run make first."
	@false

unload:
	$(SUDO) rmmod bufflink

include packaging/install.mk

deb:
	@packaging/deb.sh

in-tree:
	@packaging/in-tree.sh "$(LINUX)" "$(PATCHES)"

demo $(demos):
	@tests/vm/run.sh $@ "$(KERNEL)" 2

shell:
	@tests/vm/run.sh shell "$(KERNEL)" $(firstword $(CPUS))

gdb:
	@GDB_PORT=$(PORT) tests/vm/run.sh shell "$(KERNEL)" $(firstword $(CPUS))

check:
	@tests/vm/run.sh check "$(KERNELS)" "$(CPUS)" "$(SUITE)"

check-shell:
	@tests/vm/prompt.sh

check-model:
	@tests/model/check.sh

check-hostile:
	@tests/vm/hostile.sh $(PART)

check-in-tree:
	@tests/vm/in-tree.sh

check-installed:
	@tests/installed/run.sh

bench:
	@bench/run.sh "$(RESULTS)"

bench-icount:
	@bench/icount.sh

style:
	@tests/vm/style.sh

clean: paths
	if [ -e $(KDIR)/Makefile ]; then \
		$(MAKE) $(kbuild) clean; \
		$(MAKE) $(kbuild)/clients clean; \
	fi
	$(MAKE) -C userland clean
	$(MAKE) -C clients clean
	rm -rf build test_module/Module.symvers clients/Module.symvers

help:
	@sed -n 's/^#: //p' Makefile

.PHONY: all modules paths headers tool clients programs load unload deb \
	in-tree demo $(demos) shell gdb check check-shell check-model check-hostile \
	check-in-tree check-installed bench bench-icount style clean help
