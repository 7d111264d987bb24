// SPDX-License-Identifier: GPL-2.0-only
/*
 * events call|switch TIMES: prints what one system call takes, or one switch
 * between two processes that wake each other on one CPU, in ns
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static void pass(int from, int to, long times)
{
	char byte = 'x';

	while (times--)
		if (read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1)
			exit(1);
}

static void switch_often(long times)
{
	int there[2], back[2];

	if (pipe(there) || pipe(back))
		exit(1);
	if (!fork()) {
		pass(there[0], back[1], times);
		exit(0);
	}
	if (write(there[1], "x", 1) != 1)
		exit(1);
	pass(back[0], there[1], times - 1);
	wait(NULL);
}

int main(int argc, char **argv)
{
	const long times = argc > 2 ? atol(argv[2]) : 1000;
	double begin = now();
	long i;

	if (argc > 1 && !strcmp(argv[1], "switch"))
		switch_often(times / 2);
	else
		for (i = 0; i < times; i++)
			syscall(SYS_getppid);
	printf("%.1f\n", (now() - begin) / times);
	return 0;
}
