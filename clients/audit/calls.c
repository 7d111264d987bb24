// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names and numbers of calls  are libseccomp's. The arguments of a call are in
 * the kernel's own description, in tracefs.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"

#define ALL_NUMBERS	403	/* from here on, all ABIs have the same */

/* The 32-bit programs that this machine's kernel runs, too. */
static uint32_t compat_arch(void)
{
	switch (seccomp_arch_native()) {
	case SCMP_ARCH_X86_64:
		return SCMP_ARCH_X86;
	case SCMP_ARCH_AARCH64:
		return SCMP_ARCH_ARM;
	case SCMP_ARCH_S390X:
		return SCMP_ARCH_S390;
	default:
		return 0;
	}
}

static uint32_t arch_of(enum abi abi)
{
	return abi == NATIVE ? seccomp_arch_native() : compat_arch();
}

bool is_native(uint32_t arch)
{
	return arch == seccomp_arch_native();
}

/* descriptions */

static const char *descriptions(void)
{
	static const char * const folders[] = {
		"/sys/kernel/debug/tracing/events/syscalls",
		"/sys/kernel/tracing/events/syscalls",
	};
	static const char *found;

	if (!found)
		found = folders[!access(folders[1], F_OK)];
	return found;
}

static FILE *open_description(const char *prefix, const char *name, int size)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/sys_enter_%s%.*s/format",
		 descriptions(), prefix, size, name);
	return fopen(path, "re");
}

/* The kernel's function may have a longer name, or one of 32 bits a shorter. */
static FILE *find_description(const char *name)
{
	static const char * const endings[] = { "", "_time64", "64", "32" };
	FILE *file = NULL;
	int size, ending;
	size_t i;

	if (!strcmp(name, "mmap2"))	/* the same, but for its unit of pages */
		name = "mmap";
	size = strlen(name);
	for (i = 0; !file && i < sizeof(endings) / sizeof(*endings); i++) {
		ending = strlen(endings[i]);
		if (size <= ending || strcmp(name + size - ending, endings[i]))
			continue;
		file = open_description("", name, size - ending) ?:
		       open_description("new", name, size - ending);
	}
	return file;
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part);
}

/* Text with an end of its own: no size comes after it. */
static bool is_text(const char *type, const char *name, const char *next)
{
	if (has(next, "size_t"))
		return false;
	if (!strcmp(type, "const char *"))
		return true;
	return !strcmp(type, "char *") && strcmp(next, "int") &&
	       (has(name, "name") || !strcmp(name, "type"));
}

static enum kind kind_of(const char *type, const char *name, const char *next)
{
	if (has(type, "char *const *"))
		return strcmp(name, "argv") ? POINTER : VECTOR;
	if (has(type, "struct sockaddr *"))
		return strcmp(next, "int") ? POINTER : ADDRESS;
	if (has(type, "*"))
		return is_text(type, name, next) ? TEXT : POINTER;
	if (has(type, "mode_t"))
		return MODE;
	if (has(type, "int") && (has(name, "fd") || has(name, "fildes")) &&
	    !has(name, "nfds"))
		return DESCRIPTOR;
	if (!strcmp(name, "fd"))	/* of mmap(), which has long ones */
		return DESCRIPTOR;
	if (has(type, "unsigned long"))
		return HEX;
	if (has(type, "unsigned") || has(type, "size_t") || *type == 'u')
		return UNSIGNED;
	return has(type, "int") || has(type, "pid_t") ? INT : LONG;
}

static void read_description(struct call_info *info)
{
	char types[SYSAUDIT_ARGS + 1][64] = { }, names[SYSAUDIT_ARGS][64];
	FILE *file = find_description(info->name);
	char line[256], *name, *end;
	int i, n = 0;

	if (!file)
		return;
	while (n < SYSAUDIT_ARGS && fgets(line, sizeof(line), file)) {
		end = strchr(line, ';');
		if (strncmp(line, "\tfield:", 7) || !end)
			continue;
		*end = '\0';
		name = strrchr(line, ' ') + 1;
		if (!strncmp(name, "common_", 7) || !strcmp(name, "nr") ||
		    !strcmp(name, "__syscall_nr"))
			continue;
		name[-1] = '\0';
		snprintf(types[n], sizeof(types[n]), "%.60s", line + 7);
		snprintf(names[n], sizeof(names[n]), "%.60s", name);
		n++;
	}
	fclose(file);
	for (i = 0; i < n; i++)
		info->kinds[i] = kind_of(types[i], names[i], types[i + 1]);
	info->args = n;
}

/* Reading takes long, and a name is described once for both ABIs. */
static void describe(struct call_info *info, enum abi abi)
{
	int same = abi == NATIVE ? -1 : seccomp_syscall_resolve_name(info->name);
	const struct call_info *native;

	if (same < 0 || same >= CALLS) {
		read_description(info);
		return;
	}
	if (!strcmp(info->name, "mmap")) {	/* in 32 bits: the old one */
		info->args = 1;
		info->kinds[0] = POINTER;
		return;
	}
	native = call_info(arch_of(NATIVE), same);
	info->args = native->args;
	memcpy(info->kinds, native->kinds, sizeof(info->kinds));
}

/* False if there is none. Negative numbers are the library's own. */
static bool learn_name(struct call_info *info, uint32_t arch, int number)
{
	char *name = number < 0 ? NULL :
		     seccomp_syscall_resolve_num_arch(arch, number);
	bool known = name;

	if (known)
		snprintf(info->name, sizeof(info->name), "%s", name);
	else
		snprintf(info->name, sizeof(info->name), "syscall_%d", number);
	info->args = -1;
	free(name);
	return known;
}

const struct call_info *call_info(uint32_t arch, int number)
{
	static struct call_info known[ABIS + 1][CALLS], other;
	int abi = is_native(arch) ? NATIVE : COMPAT, small = number;
	struct call_info *info;

	if (arch == SCMP_ARCH_X86_64 && number > 0 && number & X32_BIT) {
		arch = SCMP_ARCH_X32;
		abi = ABIS;
		small = number & ~X32_BIT;
	}
	if (small < 0 || small >= CALLS) {
		/* any program can make many: nothing is looked up for long */
		learn_name(&other, arch, number);
		return &other;
	}
	info = &known[abi][small];
	if (!*info->name && learn_name(info, arch, number))
		describe(info, abi);
	return info;
}

/* A call with a path, or with a text like one. */
static bool is_of_files(const struct call_info *info)
{
	int i;

	for (i = 0; i < info->args; i++)
		if (info->kinds[i] == TEXT)
			return true;
	return false;
}

/* Their result is, or can be, a descriptor: the kernel does not describe it. */
static const char * const opening_calls[] = {
	"accept", "accept4", "creat", "dup", "dup2", "dup3", "epoll_create",
	"epoll_create1", "eventfd", "eventfd2", "fanotify_init", "fcntl",
	"fcntl64", "fsmount", "fsopen", "fspick", "inotify_init",
	"inotify_init1", "memfd_create", "memfd_secret", "mq_open", "open",
	"open_by_handle_at", "open_tree", "open_tree_attr", "openat", "openat2",
	"perf_event_open", "pidfd_getfd", "pidfd_open", "signalfd", "signalfd4",
	"socket", "timerfd_create", "userfaultfd", NULL
};

/*
 * Not of another process, not an index of io_uring(), and in 32 bits, where a
 * number may take two registers, not half of one.
 */
static bool has_file(const struct call_info *info, int arg)
{
	return info->kinds[arg] == DESCRIPTOR &&
	       strncmp(info->name, "io_uring_", 9) &&
	       (strcmp(info->name, "pidfd_getfd") || !arg) &&
	       (strcmp(info->name, "fanotify_mark") || !arg);
}

static unsigned int files_of(const struct call_info *info)
{
	unsigned int code = 0;
	int i;

	for (i = 0; descriptor_paths && i < info->args; i++)
		if (has_file(info, i))
			code |= SYSAUDIT_COPY_FILE(i);
	if (descriptor_paths && find_word(info->name, opening_calls) >= 0)
		code |= SYSAUDIT_COPY_FILE(SYSAUDIT_RESULT);
	if (folder_paths && is_of_files(info))
		code |= SYSAUDIT_COPY_FOLDER;
	return code;
}

static unsigned int code_of(const struct call_info *info)
{
	unsigned int code = files_of(info);
	int i;

	for (i = 0; i < info->args; i++) {
		if (info->kinds[i] == TEXT)
			code |= SYSAUDIT_COPY_TEXT(i);
		else if (info->kinds[i] == VECTOR)
			code |= SYSAUDIT_COPY_VECTOR(i);
		else if (info->kinds[i] == ADDRESS)
			code |= SYSAUDIT_COPY_ADDRESS(i);
	}
	return code;
}

char *list_copies(enum abi abi)
{
	uint32_t arch = arch_of(abi);
	unsigned int code;
	size_t size;
	char *list;
	FILE *memory = open_memstream(&list, &size);
	int i;

	if (!memory)
		err(EXIT_FAILURE, "no memory for a list of calls");
	for (i = 0; arch && i < CALLS; i++) {
		code = code_of(call_info(arch, i));
		if (code)
			fprintf(memory, "%d:%x,", i, code);
	}
	if (fclose(memory))
		err(EXIT_FAILURE, "no memory for a list of calls");
	return list;
}

/* --calls */

static const char * const process_calls[] = {
	"clone", "clone3", "fork", "vfork", "execve", "execveat", "exit",
	"exit_group", "wait4", "waitid", "waitpid", "kill", "tkill", "tgkill",
	"rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open",
	"pidfd_send_signal", "unshare", NULL
};

static const char * const network_calls[] = {
	"socket", "socketpair", "bind", "listen", "accept", "accept4",
	"connect", "getsockname", "getpeername", "sendto", "recvfrom", "send",
	"recv", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "shutdown",
	"setsockopt", "getsockopt", "socketcall", NULL
};

static void add_class(struct call_lists *lists, const char *class)
{
	const char * const *list = NULL;
	const struct call_info *info;
	bool found = false;
	enum abi abi;
	int i;

	if (!strcmp(class, "%process"))
		list = process_calls;
	else if (!strcmp(class, "%network"))
		list = network_calls;
	else if (strcmp(class, "%file"))
		errx(EXIT_USAGE, "--calls: '%s' is none of %%file, %%network, %%process",
		     class);
	for (abi = NATIVE; abi < ABIS; abi++)
		for (i = 0; arch_of(abi) && i < CALLS; i++) {
			info = call_info(arch_of(abi), i);
			if (list ? find_word(info->name, list) < 0 :
				   !is_of_files(info))
				continue;
			lists->has[abi][i] = true;
			found = true;
		}
	if (!found)
		errx(EXIT_FAILURE, "--calls: %s needs tracefs, mounted at /sys/kernel/tracing",
		     class);
}

static void add_number(struct call_lists *lists, const char *text)
{
	const __u64 number = number_argument("--calls", text, 0, CALLS - 1);

	lists->has[NATIVE][number] = true;
	if (number >= ALL_NUMBERS)
		lists->has[COMPAT][number] = true;
}

/*
 * False if arch has no such call. Some of 32-bit programs have two numbers, their
 * own and, as socketcall(), one that all share: to its name the library gives
 * only the latter, to its number the name.
 */
static bool add_call(bool *has, uint32_t arch, const char *name)
{
	int shared = arch ? seccomp_syscall_resolve_name_rewrite(arch, name) :
			    -1;
	bool known = shared >= 0 && shared < CALLS;
	int number;

	if (known)
		has[shared] = true;
	for (number = 0; arch && number < CALLS; number++) {
		if (strcmp(call_info(arch, number)->name, name))
			continue;
		has[number] = true;
		known = true;
	}
	return known;
}

static void add_name(struct call_lists *lists, const char *name)
{
	bool native = add_call(lists->has[NATIVE], seccomp_arch_native(), name);
	bool compat = add_call(lists->has[COMPAT], compat_arch(), name);

	if (!native && !compat)
		errx(EXIT_USAGE,
		     "--calls: '%s' is no call; one that is too new for libseccomp can be given as its number",
		     name);
	if (!native)
		warnx("--calls: only 32-bit programs have the call '%s'", name);
}

static void write_numbers(struct call_lists *lists, enum abi abi)
{
	size_t size;
	FILE *memory = open_memstream(&lists->numbers[abi], &size);
	int i;

	for (i = 0; memory && i < CALLS; i++)
		if (lists->has[abi][i])
			fprintf(memory, "%s%d", ftell(memory) ? "," : "", i);
	if (!memory || fclose(memory))
		err(EXIT_FAILURE, "no memory for a list of calls");
}

/* Before anything is set: a name may be wrong. */
void calls_argument(struct call_lists *lists, char *names)
{
	const char *name;

	memset(lists, 0, sizeof(*lists));
	if (!strcmp(names, "all")) {
		memset(lists->has, true, sizeof(lists->has));
		lists->numbers[NATIVE] = names;
		lists->numbers[COMPAT] = names;
		return;
	}
	while ((name = strsep(&names, ","))) {
		if (*name == '%')
			add_class(lists, name);
		else if (*name && !name[strspn(name, DIGITS)])
			add_number(lists, name);
		else
			add_name(lists, name);
	}
	write_numbers(lists, NATIVE);
	write_numbers(lists, COMPAT);
}
