// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-audit - print the system calls that bufflink_sysaudit has logged
 */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bufflink_sysaudit.h"
#include "program.h"
#include "text.h"

#define MODULE		"bufflink_sysaudit"
#define PARAMETERS	"/sys/module/" MODULE "/parameters"
#define ANY_UID		"4294967295"
#define CALLS		1024		/* numbers that a filter can have */
#define TIDS		(1 << 22)	/* the kernel has no more */
#define X32_BIT		0x40000000

static const char help[] =
"Usage: bufflink-audit [OPTION]...\n"
"Print the system calls that the kernel module " MODULE " logs, as lines:\n"
"thread<name> call(six arguments) = result. Report lost records on standard\n"
"error.\n"
"\n"
"Filters stay with the module; without these they are as they were:\n"
"  -c, --calls=NAME,...  log only these calls ('all': all)\n"
"  -p, --pid=PID         log only this process ('any': any)\n"
"  -u, --uid=UID         log only this real user, a number ('any': any)\n"
"\n"
"  -f, --no-wait         stop when the buffer is empty instead of waiting\n"
"  -g, --group           leave out not only this process's own calls but those\n"
"                        of its process group: all of a pipeline\n"
"  -j, --json            print each record as a line of JSON\n"
"  -r, --reopen          when the module is unloaded, wait until it is loaded\n"
"                        again, say so, set the filters, and go on\n"
"  -W, --wait[=SECONDS]  if the module is not loaded yet, wait for it\n"
"  -t, --time            print the time of each call, in seconds since 1970\n"
"  -h, --help            print this and exit\n"
"  -V, --version         print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line, 3 records were lost.\n";

static bool json, times;
static const char *pid, *uid, *reader_is = "process";
static char *native_calls, *compat_calls;	/* as numbers; NULL: as they were */
static char comms[TIDS][SYSAUDIT_COMM + 1];	/* by thread; mostly untouched */

/* parameters of the module */

static void set_parameter(const char *name, const char *value)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), PARAMETERS "/%s", name);
	file = fopen(path, "we");
	/* without the newline, an empty value would not be written at all */
	if (!file || fprintf(file, "%s\n", value) < 0 || fclose(file))
		err(EXIT_FAILURE, "cannot write '%s' to %s", value, path);
}

static const char *number_argument(const char *option, const char *text,
				   const char *any)
{
	if (!strcmp(text, "any"))
		return any;
	if (!*text || text[strspn(text, DIGITS)])
		errx(EXIT_USAGE, "%s: '%s' is neither a number nor 'any'",
		     option, text);
	return text;
}

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

static void list_number(char **list, int number)
{
	char *longer;

	if (asprintf(&longer, "%s%s%d", *list, **list ? "," : "", number) < 0)
		err(EXIT_FAILURE, "--calls");
	*list = longer;		/* and forget the old one */
}

/*
 * Adds the call's numbers to a list; false if arch has no such call. Some of
 * 32-bit programs have two, their own and, as socketcall(), one that all share:
 * to its name the library gives only the latter, to its number the name.
 */
static bool add_call(char **list, uint32_t arch, const char *name)
{
	int shared = arch ? seccomp_syscall_resolve_name_rewrite(arch, name) :
			    -1;
	bool known = shared >= 0;
	char *other;
	int number;

	if (known)
		list_number(list, shared);
	for (number = 0; arch && number < CALLS; number++) {
		other = seccomp_syscall_resolve_num_arch(arch, number);
		if (other && number != shared && !strcmp(other, name)) {
			list_number(list, number);
			known = true;
		}
		free(other);
	}
	return known;
}

/* Before anything is set: a name may be wrong. */
static void calls_argument(char *names)
{
	const char *name;
	bool known;

	native_calls = "";
	compat_calls = "";
	if (!strcmp(names, "all")) {
		native_calls = names;
		compat_calls = names;
		return;
	}
	while ((name = strsep(&names, ","))) {
		known = add_call(&native_calls, seccomp_arch_native(), name);
		known |= add_call(&compat_calls, compat_arch(), name);
		if (!known)
			errx(EXIT_USAGE, "--calls: '%s' is no call", name);
	}
}

static void set_filters(void)
{
	set_parameter("reader", reader_is);
	if (native_calls) {
		set_parameter("calls", native_calls);
		set_parameter("compat_calls", compat_calls);
	}
	if (pid)
		set_parameter("pid", pid);
	if (uid)
		set_parameter("uid", uid);
}

/* calls, as lines of text */

static const char *call_name(const struct sysaudit_head *head)
{
	uint32_t arch = head->arch;
	static char text[32];
	char *name;

	if (arch == SCMP_ARCH_X86_64 && head->number > 0 &&
	    head->number & X32_BIT)
		arch = SCMP_ARCH_X32;
	name = seccomp_syscall_resolve_num_arch(arch, head->number);
	if (name)
		snprintf(text, sizeof(text), "%s", name);
	else
		snprintf(text, sizeof(text), "syscall_%d", head->number);
	free(name);
	return text;
}

/* The kernel's own: a signal came, and the call may be made again. */
static const char *restart_name(int error)
{
	static const char * const names[] = {
		"ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND", NULL,
		"ERESTART_RESTARTBLOCK",
	};
	const unsigned int first = 512;

	return error - first < sizeof(names) / sizeof(*names) ?
	       names[error - first] : NULL;
}

static const char *comm_of(const struct sysaudit_head *head)
{
	const char *comm = head->tid < TIDS ? comms[head->tid] : "";

	return *comm ? comm : "?";
}

static void print_thread(const struct sysaudit_head *head)
{
	if (times)
		printf("%llu.%09llu ", head->time / 1000000000,
		       head->time % 1000000000);
	printf("%u<", head->tid);
	/* Any user can give a thread any name, also one that a terminal obeys. */
	print_plain(comm_of(head), strlen(comm_of(head)));
	printf("> %s", head->arch == seccomp_arch_native() ? "" : "[compat] ");
}

static void print_result(__s64 result)
{
	int error = result < 0 && result > -4096 ? -result : 0;

	if (restart_name(error))
		printf(" = ? %s\n", restart_name(error));
	else if (error && strerrorname_np(error))
		printf(" = -1 %s (%s)\n", strerrorname_np(error),
		       strerror(error));
	else if (error || (result >= 0 && result < 1 << 30))
		printf(" = %lld\n", result);
	else
		printf(" = %#llx\n", (__u64)result);	/* an address */
}

static __u32 open_tid;		/* whose line waits for its result, or 0 */

static void end_line(void)
{
	if (open_tid)
		puts(" <unfinished ...>");
	open_tid = 0;
}

static void print_entry(const struct sysaudit_entry *entry)
{
	const char *name = call_name(&entry->head);
	int i;

	end_line();
	print_thread(&entry->head);
	printf("%s(", name);
	for (i = 0; i < 6; i++)
		printf("%s%#llx", i ? ", " : "", entry->args[i]);
	putchar(')');
	if (!strcmp(name, "exit") || !strcmp(name, "exit_group"))
		puts(" = ?");
	else
		open_tid = entry->head.tid;
}

static void print_exit(const struct sysaudit_exit *exit)
{
	if (open_tid != exit->head.tid) {
		end_line();
		print_thread(&exit->head);
		printf("<... %s resumed>)", call_name(&exit->head));
	}
	print_result(exit->result);
	open_tid = 0;
}

/* the same for programs */

static void print_as_json(const struct sysaudit_head *head)
{
	const struct sysaudit_entry *entry = (const void *)head;
	const struct sysaudit_exit *exit = (const void *)head;
	struct json_object *object = json_object_new_object(), *args;
	char text[32];
	int i;

	add_string(object, "type", head->type == SYSAUDIT_ENTRY ? "entry" :
								  "exit");
	add_decimal(object, "time", "%llu.%09llu", head->time / 1000000000,
		    head->time % 1000000000);
	add_number(object, "cpu", head->cpu);
	add_number(object, "sequence", head->sequence);
	add_number(object, "pid", head->pid);
	add_number(object, "tid", head->tid);
	add_number(object, "uid", head->uid);
	add_string(object, "comm", comm_of(head));
	snprintf(text, sizeof(text), "%#x", head->arch);
	add_string(object, "arch", text);
	json_object_object_add(object, "number",
			       json_object_new_int(head->number));
	add_string(object, "call", call_name(head));
	if (head->type == SYSAUDIT_EXIT) {
		json_object_object_add(object, "result",
				       json_object_new_int64(exit->result));
		print_json(object);
		return;
	}
	/* strings, as numbers of JSON may have no more than 53 bits */
	args = json_object_new_array();
	for (i = 0; i < 6; i++) {
		snprintf(text, sizeof(text), "%#llx", entry->args[i]);
		json_object_array_add(args, json_object_new_string(text));
	}
	json_object_object_add(object, "args", args);
	print_json(object);
}

/* records */

static size_t size_of(const struct sysaudit_head *head)
{
	return head->type == SYSAUDIT_ENTRY ?
	       offsetof(struct sysaudit_entry, comm) :
	       sizeof(struct sysaudit_exit);
}

static void print_record(const struct sysaudit_head *head)
{
	const struct sysaudit_entry *entry = (const void *)head;

	if (head->type == SYSAUDIT_ENTRY && head->length >= sizeof(*entry) &&
	    head->tid < TIDS)
		memcpy(comms[head->tid], entry->comm, SYSAUDIT_COMM);
	if (json)
		print_as_json(head);
	else if (head->type == SYSAUDIT_ENTRY)
		print_entry(entry);
	else
		print_exit((const void *)head);
}

/* Prints the record that the size bytes begin with, if all of it is there. */
static size_t print_next(const char *data, size_t size)
{
	struct sysaudit_entry record = { };
	const struct sysaudit_head *head = &record.head;

	memcpy(&record, data, size < sizeof(record) ? size : sizeof(record));
	if (size < sizeof(*head))
		return 0;
	if (head->version != SYSAUDIT_VERSION)
		errx(EXIT_FAILURE,
		     "no record of version %d: load " MODULE " anew",
		     SYSAUDIT_VERSION);
	if (head->type < SYSAUDIT_ENTRY || head->type > SYSAUDIT_EXIT ||
	    head->length < size_of(head))
		errx(EXIT_FAILURE, "a broken record: load " MODULE " anew");
	if (size < head->length)
		return 0;
	print_record(head);
	return head->length;
}

static void print_loss(const struct bufflink_loss *loss)
{
	struct json_object *object;

	warnx("%s", loss_text(loss));
	if (!json)
		return;
	object = json_object_new_object();
	add_string(object, "type", "loss");
	add_number(object, "records", loss->records);
	add_number(object, "bytes", loss->bytes);
	add_number(object, "first", loss->first);
	add_number(object, "last", loss->last);
	print_json(object);
}

static void reopened(void)
{
	end_line();
	flush();
	warnx("the module " MODULE " was loaded again");
	set_filters();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "calls", required_argument, NULL, 'c' },
		{ "pid", required_argument, NULL, 'p' },
		{ "uid", required_argument, NULL, 'u' },
		{ "no-wait", no_argument, NULL, 'f' },
		{ "group", no_argument, NULL, 'g' },
		{ "json", no_argument, NULL, 'j' },
		{ "reopen", no_argument, NULL, 'r' },
		{ "wait", optional_argument, NULL, 'W' },
		{ "time", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	struct follow job = {
		.buffer = MODULE, .module = MODULE,
		.flags = BUFFLINK_EXCLUSIVE, .wait = true, .limit = ULLONG_MAX,
		.print = print_next, .print_loss = print_loss,
		.reopened = reopened,
	};
	struct bufflink_reader *reader;
	int option;
	bool lost;

	begin(argv);
	while ((option = getopt_long(argc, argv, "c:p:u:fgjrW::thV", options,
				     NULL)) != -1) {
		switch (option) {
		case 'c':
			calls_argument(optarg);
			break;
		case 'p':
			pid = number_argument("--pid", optarg, "0");
			break;
		case 'u':
			uid = number_argument("--uid", optarg, ANY_UID);
			break;
		case 'g':
			reader_is = "group";
			break;
		case 'j':
			json = true;
			break;
		case 't':
			times = true;
			break;
		default:
			follow_option(&job, option, optarg, "bufflink-audit", help);
		}
	}
	no_more_than(0, argc, argv);

	catch_signals();
	reader = open_reader(&job);
	set_filters();
	lost = follow(&job, reader);
	end_line();
	bufflink_free(reader);
	finish(lost ? EXIT_LOSS : EXIT_SUCCESS);
}
