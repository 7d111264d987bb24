// SPDX-License-Identifier: GPL-2.0-only
/*
 * The metadata of a trace, in the language of CTF 1.8. Trace Compass knows the
 * names of events by env: it is told that they are those of LTTng 2.13.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include <seccomp.h>

#include "trace.h"

#if defined(__x86_64__)
#define COMPAT_ARCH	SCMP_ARCH_X86
#elif defined(__aarch64__)
#define COMPAT_ARCH	SCMP_ARCH_ARM
#else
#define COMPAT_ARCH	SCMP_ARCH_NATIVE	/* has no calls of its own */
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTE_ORDER_NAME	"le"
#else
#define BYTE_ORDER_NAME	"be"
#endif

/* A function for each event, which writes its fields. */
#define NUMBER(type, name, value)	fputs("\t\t" #type " _" #name ";\n", file)
#define HEX(name, value)		fputs("\t\tx64 _" #name ";\n", file)
#define COMM(name, value)						\
	fprintf(file, "\t\ttext _" #name "[%d];\n", TRACE_COMM)
#define CALL_ARGS(name, regs)						\
	fprintf(file, "\t\tx64 _" #name "[%d];\n", TRACE_ARGS)
#define STRING(name, value)						\
	fputs("\t\tstring { encoding = UTF8; } _" #name ";\n", file)
#define ID(number)
#define STATE(name, fields)						\
static void fields_of_##name(FILE *file)				\
{									\
	fields;								\
}
#define EVENT(name, group, tracepoint, arguments, fields)		\
	STATE(name, fields)
#include "bufflink_trace_events.h"
#undef EVENT
#undef STATE

static const struct {
	const char *name;
	void (*write_fields)(FILE *file);
} events[TRACE_EVENTS] = {
#define STATE(name, fields)						\
	[TRACE_##name] = { #name, fields_of_##name },
#define EVENT(name, group, tracepoint, arguments, fields)		\
	STATE(name, fields)
#include "bufflink_trace_events.h"
#undef EVENT
#undef STATE
};

static const char head[] =
"/* CTF 1.8 */\n"
"typealias integer { size = 8; align = 8; signed = false; } := u8;\n"
"typealias integer { size = 16; align = 8; signed = false; } := u16;\n"
"typealias integer { size = 32; align = 8; signed = false; } := u32;\n"
"typealias integer { size = 64; align = 8; signed = false; } := u64;\n"
"typealias integer { size = 32; align = 8; signed = true; } := s32;\n"
"typealias integer { size = 64; align = 8; signed = true; } := s64;\n"
"typealias integer { size = 64; align = 8; signed = false; base = 16; } := x64;\n"
"typealias integer { size = 8; align = 8; signed = false; encoding = UTF8; } := text;\n"
"\n"
"trace {\n"
"\tmajor = 1;\n"
"\tminor = 8;\n"
"\tuuid = \"%s\";\n"
"\tbyte_order = " BYTE_ORDER_NAME ";\n"
"\tpacket.header := struct {\n"
"\t\tu32 magic;\n"
"\t\tu8 uuid[16];\n"
"\t\tu32 stream_id;\n"
"\t\tu64 stream_instance_id;\n"
"\t};\n"
"};\n"
"\n"
"env {\n"
"\tdomain = \"kernel\";\n"
"\tsysname = \"%s\";\n"
"\tkernel_release = \"%s\";\n"
"\ttracer_name = \"lttng-modules\";\n"
"\ttracer_major = 2;\n"
"\ttracer_minor = 13;\n"
"\ttracer_patchlevel = 0;\n"
"\twritten_by = \"bufflink-trace " VERSION "\";\n"
"};\n"
"\n"
"clock {\n"
"\tname = \"monotonic\";\n"
"\tdescription = \"Monotonic Clock\";\n"
"\tfreq = 1000000000;\n"
"\toffset = %lld;\n"
"};\n"
"\n"
"typealias integer { size = 32; align = 8; signed = false; map = clock.monotonic.value; } := time32;\n"
"typealias integer { size = 64; align = 8; signed = false; map = clock.monotonic.value; } := time64;\n"
"\n"
"stream {\n"
"\tid = 0;\n"
"\tevent.header := struct {\n"
"\t\tu16 id;\n"
"\t\ttime32 timestamp;\n"
"\t};\n"
"\tpacket.context := struct {\n"
"\t\ttime64 timestamp_begin;\n"
"\t\ttime64 timestamp_end;\n"
"\t\tu64 content_size;\n"
"\t\tu64 packet_size;\n"
"\t\tu64 packet_seq_num;\n"
"\t\tu64 events_discarded;\n"
"\t\tu32 cpu_id;\n"
"\t};\n"
"};\n";

static const char *uuid_text(const unsigned char *uuid)
{
	static char text[2 * UUID_SIZE + 5];
	char *at = text;
	int i;

	for (i = 0; i < UUID_SIZE; i++)
		at += sprintf(at, "%s%02x",
			      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			      uuid[i]);
	return text;
}

void begin_metadata(struct metadata *metadata)
{
	int i;

	if (getrandom(metadata->uuid, UUID_SIZE, 0) != UUID_SIZE)
		err(EXIT_FAILURE, "cannot make an identifier of the trace");
	/* version 4, of random numbers */
	metadata->uuid[6] = (metadata->uuid[6] & 0x0f) | 0x40;
	metadata->uuid[8] = (metadata->uuid[8] & 0x3f) | 0x80;
	memset(metadata->has, 0, sizeof(metadata->has));
	for (i = TRACE_LOST + 1; i < TRACE_EVENTS; i++)
		metadata->has[i] = i != TRACE_syscall_entry &&
				   i != TRACE_syscall_exit;
}

static void write_event(FILE *file, int id, const char *prefix,
			const char *name, int fields)
{
	fprintf(file, "\nevent {\n\tname = \"%s%s\";\n\tid = %d;\n", prefix,
		name, id);
	fputs("\tstream_id = 0;\n\tfields := struct {\n", file);
	events[fields].write_fields(file);
	fputs("\t};\n};\n", file);
}

static void write_call(FILE *file, int id)
{
	static const char * const prefixes[] = {
		"syscall_entry_", "syscall_exit_",
		"compat_syscall_entry_", "compat_syscall_exit_",
	};
	const int kind = id / TRACE_CALLS - 1, number = id % TRACE_CALLS;
	char *name = NULL;

	if (number != TRACE_CALLS - 1)
		name = seccomp_syscall_resolve_num_arch(kind < 2 ?
				SCMP_ARCH_NATIVE : COMPAT_ARCH, number);
	write_event(file, id, prefixes[kind], name ? name : "unknown",
		    kind % 2 ? TRACE_syscall_exit : TRACE_syscall_entry);
	free(name);
}

void write_metadata(FILE *file, const struct metadata *metadata)
{
	static int64_t offset;	/* the same in all that is written of one trace */
	struct utsname names;
	int id;

	uname(&names);
	if (!offset)
		offset = clock_now(CLOCK_REALTIME) -
			 clock_now(CLOCK_MONOTONIC);
	fprintf(file, head, uuid_text(metadata->uuid), names.sysname,
		names.release, (long long)offset);
	for (id = 0; id < TRACE_EVENTS; id++)
		if (metadata->has[id])
			write_event(file, id, "", events[id].name, id);
	for (id = TRACE_CALLS; id < TRACE_CALLS_END; id++)
		if (metadata->has[id])
			write_call(file, id);
}
