// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"

struct progress progress;
bool as_json;

static bool has_bar;
static double drawn;		/* the bar, or its line of JSON */

double now(void)
{
	return clock_now(CLOCK_MONOTONIC) / 1e9;
}

void start_progress(void)
{
	has_bar = !as_json && isatty(STDERR_FILENO);
}

double seconds_of_round(void)
{
	return now() - progress.began - progress.slept;
}

static double rate(void)
{
	const double seconds = now() - progress.began;

	return seconds > 0 ? progress.copied / seconds : 0;
}

/* Seconds until the round ends; less than 0 if nobody knows. */
static double eta(void)
{
	const double left = progress.to_copy > progress.copied ?
			    progress.to_copy - progress.copied : 0;

	return rate() > 0 ? left / rate() : -1;
}

/* JSON, on standard error: standard output may be a stream */

static struct json_object *new_event(const char *event)
{
	struct json_object *object = json_object_new_object();

	if (!object)
		errx(EXIT_FAILURE, "no memory for JSON");
	add_string(object, "event", event);
	return object;
}

static void print_state(const char *event)
{
	struct json_object *object = new_event(event);

	add_number(object, "round", progress.round);
	add_number(object, "copied", progress.copied);
	add_number(object, "left", all_left());
	add_decimal(object, "rate", "%.0f", rate());
	if (eta() >= 0)
		add_decimal(object, "eta", "%.1f", eta());
	fprint_json(stderr, object);
}

/* the bar */

static void draw_bar(void)
{
	char bar[] = "........................";
	const size_t width = sizeof(bar) - 1;
	const double part = progress.to_copy && progress.copied <
			    progress.to_copy ?
			    (double)progress.copied / progress.to_copy : 1;
	const long seconds = eta() < 0 ? 0 : eta() + 0.5;

	memset(bar, '#', width * part);
	fprintf(stderr, "\rround %u [%s] %3.0f %%, %s/s, %s dirty, %ld:%02ld left\033[K",
		progress.round, bar, 100 * part, in_bytes(rate()).text,
		in_bytes(all_left()).text, seconds / 60, seconds % 60);
}

void clear_bar(void)
{
	if (has_bar)
		fputs("\r\033[K", stderr);
}

void report_progress(void)
{
	if ((!has_bar && !as_json) || now() - drawn < (as_json ? 1 : 0.2))
		return;
	drawn = now();
	if (as_json)
		print_state("progress");
	else
		draw_bar();
}

/* rounds, and the end */

void begin_round(void)
{
	progress.round++;
	progress.copied = 0;
	progress.to_copy = all_left();
	progress.slept = 0;
	progress.began = now();
}

void report_round(void)
{
	if (as_json) {
		print_state("round");
		return;
	}
	clear_bar();
	fprintf(stderr, "round %u: copied %s at %s/s, %s dirty\n",
		progress.round, in_bytes(progress.copied).text,
		in_bytes(rate()).text, in_bytes(all_left()).text);
}

static void print_copy(const struct copy *copy, double pause, double ran)
{
	struct json_object *object = new_event("copy");

	add_string(object, "src", copy->src.path);
	add_string(object, "dst", copy->dst.path);
	add_number(object, "size", copy->src.size);
	add_number(object, "rounds", progress.round);
	add_decimal(object, "pause", "%.3f", pause);
	add_decimal(object, "run", "%.3f", ran);
	fprint_json(stderr, object);
}

void report_copies(double pause, double ran)
{
	const struct copy *copy;

	for_each_copy(copy) {
		if (as_json) {
			print_copy(copy, pause, ran);
			continue;
		}
		fprintf(stderr, "%s is a copy of %s: %s in %u rounds for %s; paused for %.0f ms",
			copy->dst.path, copy->src.path,
			in_bytes(progress.total).text, progress.round,
			in_bytes(copy->src.size).text, pause * 1000);
		if (ran > 0)
			fprintf(stderr, ", %.0f of them by --run", ran * 1000);
		fputc('\n', stderr);
	}
}

void report_received(const struct destination *dst, __u64 size)
{
	struct json_object *object;

	if (!as_json) {
		fprintf(stderr, "%s is a copy of what was sent: %s\n",
			dst->path, in_bytes(size).text);
		return;
	}
	object = new_event("copy");
	add_string(object, "dst", dst->path);
	add_number(object, "size", size);
	fprint_json(stderr, object);
}

void report_verified(const struct destination *dst, __u64 differences)
{
	if (as_json) {
		struct json_object *object = new_event("verified");

		add_string(object, "dst", dst->path);
		add_number(object, "differences", differences);
		fprint_json(stderr, object);
	} else if (differences) {
		fprintf(stderr, "%s was read back: %llu chunks differ from what was sent\n",
			dst->path, differences);
	} else {
		fprintf(stderr, "%s was read back: it has what was sent\n",
			dst->path);
	}
}
