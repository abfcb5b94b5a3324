// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/run/progress.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "harness/core/units.h"

uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void progress_begin(struct progress *p, FILE *to, uint64_t total, uint64_t guess_ns)
{
	*p = (struct progress){
		.to = to, .started_ns = monotonic_ns(), .total = total, .guess_ns = guess_ns
	};
}

static double left_ns(const struct progress *p)
{
	double each = (double)p->guess_ns, since = (double)(monotonic_ns() - p->started_ns), left;

	if (p->done)
		each = since / (double)p->done;
	left = each * (double)(p->total - p->done);
	if (p->budget_ns && left > (double)p->budget_ns - since)
		left = (double)p->budget_ns - since;
	return left > 0 ? left : 0;
}

static int columns(FILE *to)
{
	struct winsize w;

	return ioctl(fileno(to), TIOCGWINSZ, &w) || !w.ws_col ? 80 : w.ws_col;
}

void progress_show(struct progress *p)
{
	char left[32], line[256];

	if (!p->to)
		return;
	snprintf(line, sizeof(line), "%3.0f %%, %s left: %s",
		 p->total ? 100.0 * (double)p->done / (double)p->total : 100.0,
		 duration_format(left_ns(p), left, sizeof(left)), p->what);
	/* One column less than there are, so that the terminal never wraps. */
	fprintf(p->to, "\r\033[K%.*s", columns(p->to) - 1, line);
	fflush(p->to);
}

void progress_step(struct progress *p)
{
	p->done++;
	progress_show(p);
}

void progress_log(uint64_t done, uint64_t total, const char *what)
{
	const char *path = getenv("TDCOST_PROGRESS");
	int fd = path && *path
			 ? open(path,
				O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK | O_CLOEXEC,
				0666)
			 : -1;

	if (fd < 0)
		return;
	dprintf(fd, "tdcost: progress %" PRIu64 " %" PRIu64 " %s\n", done, total, what);
	tcdrain(fd);
	close(fd);
}

void progress_end(struct progress *p)
{
	if (!p->to)
		return;
	fprintf(p->to, "\r\033[K");
	fflush(p->to);
}
