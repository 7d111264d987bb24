/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands of bufflink(1), and what they share. */
#ifndef _TOOL_H
#define _TOOL_H

#include "program.h"
#include "text.h"

/* Each has a file, or shares one; gives the exit status. */
int list(int argc, char **argv);
int stat_buffers(int argc, char **argv);
int cat(int argc, char **argv);
int watermark(int argc, char **argv);
int resize(int argc, char **argv);
int write_records(int argc, char **argv);

extern const char list_help[], stat_help[], cat_help[], watermark_help[],
	resize_help[], write_help[];

/* The buffer that is named there; ends the program if none is. */
const char *buffer_argument(const char *name);
/* To write or to set: gives its path. */
const char *open_buffer(const char *buffer, int flags, int timeout_ms, int *fd);
void set_watermark(int fd, const char *device, const char *option,
		   __u64 bytes);

/* A look at all buffers, or at one. */
struct look {
	struct bufflink_info *buffers;
	int count;
	double time;
};

/* With NULL, all; no buffers if the one is not there. */
struct look take_look(const char *buffer);
/* With rates if there was a look before. */
void print_exactly(bool json, const struct look *look,
		   const struct look *before);
void print_openmetrics(const struct look *look);

/* How fast a value grows; negative if the buffer is new. */
double per_second(const struct look *now, const struct look *before,
		  const struct bufflink_info *buffer,
		  enum bufflink_value value);
double wakeups_per_record(const struct bufflink_info *buffer);

/* Of a buffer without a name, the owner alone. */
struct cell owner_and_name(const struct bufflink_info *buffer);

#endif /* _TOOL_H */
