// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-audit - print the system calls that bufflink_sysaudit has logged
 */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "bufflink.h"
#include "bufflink_sysaudit.h"
#include "reader.h"

#define VERSION		"1.0"
#define MODULE		"bufflink_sysaudit"
#define PARAMETERS	"/sys/module/" MODULE "/parameters"
#define DIGITS		"0123456789"
#define ANY_UID		"4294967295"
#define CALLS		1024		/* numbers that a filter can have */
#define TIDS		(1 << 22)	/* the kernel has no more */
#define X32_BIT		0x40000000

/* besides EXIT_SUCCESS and EXIT_FAILURE, which is 1 */
#define EXIT_USAGE	2
#define EXIT_LOSS	3

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
"  -t, --time            print the time of each call, in seconds since 1970\n"
"  -h, --help            print this and exit\n"
"  -V, --version         print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line, 3 records were lost.\n";

static bool json, times;
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

static void add_number(char **list, int number)
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
		add_number(list, shared);
	for (number = 0; arch && number < CALLS; number++) {
		other = seccomp_syscall_resolve_num_arch(arch, number);
		if (other && number != shared && !strcmp(other, name)) {
			add_number(list, number);
			known = true;
		}
		free(other);
	}
	return known;
}

static void set_calls(char *names)
{
	char *native = "", *compat = "";
	char *name;
	bool known;

	if (!strcmp(names, "all")) {
		native = names;
		compat = names;
		names = NULL;
	}
	while ((name = strsep(&names, ","))) {
		known = add_call(&native, seccomp_arch_native(), name);
		known |= add_call(&compat, compat_arch(), name);
		if (!known)
			errx(EXIT_USAGE, "--calls: '%s' is no call", name);
	}
	set_parameter("calls", native);
	set_parameter("compat_calls", compat);
}

/* the buffer */

static int open_buffer(struct bufflink_stats *stats)
{
	const char *path = device_of(MODULE);
	int fd;

	if (!path)
		errx(EXIT_FAILURE, "the module " MODULE " is not loaded");

	fd = open_alone(path);
	if (ioctl(fd, BUFFLINK_STATS, stats))
		err(EXIT_FAILURE, "%s is not a buffer of bufflink", path);
	return fd;
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

/* Any user can give a thread any name, also one that a terminal obeys. */
static void print_comm(const char *comm)
{
	for (; *comm; comm++) {
		if (isascii(*comm) && isprint(*comm))
			putchar(*comm);
		else
			printf("\\x%02x", (unsigned char)*comm);
	}
}

static void print_thread(const struct sysaudit_head *head)
{
	if (times)
		printf("%llu.%09llu ", head->time / 1000000000,
		       head->time % 1000000000);
	printf("%u<", head->tid);
	print_comm(comm_of(head));
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

static void print_json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (isascii(*text) && isprint(*text) && !strchr("\"\\", *text))
			putchar(*text);
		else
			printf("\\u%04x", (unsigned char)*text);
	}
	putchar('"');
}

static void print_json(const struct sysaudit_head *head)
{
	const struct sysaudit_entry *entry = (const void *)head;
	const struct sysaudit_exit *exit = (const void *)head;
	int i;

	printf("{\"type\":\"%s\",\"time\":%llu.%09llu,\"cpu\":%u,",
	       head->type == SYSAUDIT_ENTRY ? "entry" : "exit",
	       head->time / 1000000000, head->time % 1000000000, head->cpu);
	printf("\"sequence\":%u,\"pid\":%u,\"tid\":%u,\"uid\":%u,\"comm\":",
	       head->sequence, head->pid, head->tid, head->uid);
	print_json_string(comm_of(head));
	printf(",\"arch\":\"%#x\",\"number\":%d,\"call\":\"%s\",", head->arch,
	       head->number, call_name(head));
	if (head->type == SYSAUDIT_EXIT) {
		printf("\"result\":%lld}\n", exit->result);
		return;
	}
	/* strings, as numbers of JSON may have no more than 53 bits */
	for (i = 0; i < 6; i++)
		printf("%s\"%#llx\"", i ? "," : "\"args\":[", entry->args[i]);
	puts("]}");
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
		print_json(head);
	else if (head->type == SYSAUDIT_ENTRY)
		print_entry(entry);
	else
		print_exit((const void *)head);
}

static void print_records(const char *data, size_t size)
{
	struct sysaudit_entry record;
	struct sysaudit_head *head = &record.head;
	size_t done;

	for (done = 0; done < size; done += head->length) {
		memset(&record, 0, sizeof(record));
		memcpy(&record, data + done, size - done < sizeof(record) ?
					     size - done : sizeof(record));
		if (head->version != SYSAUDIT_VERSION)
			errx(EXIT_FAILURE,
			     "no record of version %d: load " MODULE " anew",
			     SYSAUDIT_VERSION);
		if (head->type < SYSAUDIT_ENTRY || head->type > SYSAUDIT_EXIT ||
		    head->length < size_of(head) || head->length > size - done)
			errx(EXIT_FAILURE,
			     "a broken record: load " MODULE " anew");
		print_record(head);
	}
}

static bool report_loss(int fd)
{
	struct bufflink_loss loss;
	char last[48] = "";

	if (ioctl(fd, BUFFLINK_GETLOSS, &loss))
		err(EXIT_FAILURE, "cannot learn what was lost");
	if (!loss.records)
		return false;
	if (json) {
		printf("{\"type\":\"loss\",\"records\":%llu,\"bytes\":%llu,",
		       loss.records, loss.bytes);
		printf("\"first\":%llu,\"last\":%llu}\n", loss.first,
		       loss.last);
	}
	if (loss.last != loss.first)
		snprintf(last, sizeof(last), " and byte %llu", loss.last);
	warnx("lost %llu record%s (%llu bytes) %s byte %llu%s", loss.records,
	      loss.records == 1 ? "" : "s", loss.bytes,
	      *last ? "between" : "at", loss.first, last);
	return true;
}

/* Into as much memory as the buffer has, a read gets whole records only. */
static bool print_all(int fd, size_t size, bool wait)
{
	char *data = malloc(size);
	bool lost = false;
	ssize_t got;

	if (!data)
		err(EXIT_FAILURE, "%zu bytes", size);
	while (wait_for_data(fd, wait)) {
		lost |= report_loss(fd);
		got = read(fd, data, size);
		if (!got)
			break;
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got < 0)
			err(EXIT_FAILURE, "cannot read");
		print_records(data, got);
		flush();
	}
	end_line();
	free(data);
	return report_loss(fd) || lost;
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
		{ "time", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	const char *pid = NULL, *uid = NULL, *reader = "process";
	struct bufflink_stats stats;
	char *calls = NULL;
	bool wait = true;
	int option, fd;

	argv[0] = program_invocation_short_name;	/* for getopt */
	while ((option = getopt_long(argc, argv, "c:p:u:fgjthV", options,
				     NULL)) != -1) {
		switch (option) {
		case 'c':
			calls = optarg;
			break;
		case 'p':
			pid = number_argument("--pid", optarg, "0");
			break;
		case 'u':
			uid = number_argument("--uid", optarg, ANY_UID);
			break;
		case 'f':
			wait = false;
			break;
		case 'g':
			reader = "group";
			break;
		case 'j':
			json = true;
			break;
		case 't':
			times = true;
			break;
		case 'h':
			fputs(help, stdout);
			finish(EXIT_SUCCESS);
			break;
		case 'V':
			puts("bufflink-audit " VERSION);
			finish(EXIT_SUCCESS);
			break;
		default:
			return EXIT_USAGE;	/* getopt has said why */
		}
	}
	if (optind < argc)
		errx(EXIT_USAGE, "%s: unexpected argument", argv[optind]);

	fd = open_buffer(&stats);
	catch_signals();
	set_parameter("reader", reader);
	if (calls)
		set_calls(calls);
	if (pid)
		set_parameter("pid", pid);
	if (uid)
		set_parameter("uid", uid);
	if (print_all(fd, stats.size, wait))
		finish(EXIT_LOSS);
	finish(EXIT_SUCCESS);
}
