// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/machine/hotplug.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/machine/files.h"

#define PATH_BYTES 512
#define MAX_CPUS   8192
#define BOOT_ID	   "/proc/sys/kernel/random/boot_id"
#define NOTE	   "/run/tdcost.offline"

/*
 * The kernel refuses with EBUSY while something else holds hotplug off (a suspend, a device that is
 * being probed), so bringing a CPU back is tried again for a while: the guard has nothing else to do.
 */
#define RETRY_MS	  50
#define PATIENCE_MS	  3000
#define GUARD_PATIENCE_MS 60000

struct hotplug {
	unsigned cpu;
	int online; /* the CPU's file */
	int note;   /* locked; shared with the guard, so locked until both are gone */
	int line;   /* to the guard */
	pid_t guard;
	char note_path[PATH_BYTES];
};

static void pause_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

	nanosleep(&t, NULL);
}

/* ---- the CPU's file ---- */

static int is_online(int fd)
{
	char c;

	errno = 0;
	if (pread(fd, &c, 1, 0) != 1)
		return errno ? -errno : -EIO;
	return c == '1' ? 1 : c == '0' ? 0 : -EINVAL;
}

static int set_online(int fd, bool online)
{
	errno = 0;
	return pwrite(fd, online ? "1" : "0", 1, 0) == 1 ? 0 : errno ? -errno : -EIO;
}

/* Also for the guard: calls nothing that is not safe after a fork. */
static int bring_back(int fd, unsigned patience_ms)
{
	for (unsigned waited = 0;; waited += RETRY_MS) {
		int err;

		if (is_online(fd) == 1)
			return 0;
		err = set_online(fd, true);
		if (waited >= patience_ms)
			return err ? err : is_online(fd) == 1 ? 0 : -EIO;
		if (err)
			pause_ms(RETRY_MS);
	}
}

static void online_path(char path[PATH_BYTES], const char *root, unsigned cpu)
{
	snprintf(path, PATH_BYTES, "%s/sys/devices/system/cpu/cpu%u/online", root, cpu);
}

static int open_online(const char *root, unsigned cpu)
{
	char path[PATH_BYTES];
	int fd;

	online_path(path, root, cpu);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int hotplug_supported(const char *root, unsigned cpu, struct reason *why)
{
	int fd, online;

	if (!cpu)
		return reason_set(why, -ENOTSUP, "CPU 0 is the boot CPU and stays online");
	fd = open_online(root, cpu);
	if (fd == -ENOENT)
		return reason_set(why, -ENOTSUP,
				  "CPU %u cannot go offline: it is not there, or this kernel does "
				  "not let it go",
				  cpu);
	if (fd < 0)
		return reason_set(why, -ENOTSUP, "CPU %u cannot be taken offline: %s%s", cpu,
				  strerror(-fd), fd == -EACCES ? "; run as root" : "");
	online = is_online(fd);
	close(fd);
	if (online == 1)
		return 0;
	return reason_set(why, -ENOTSUP, "CPU %u is offline already; bring it online first", cpu);
}

int hotplug_pick(const char *root, const struct topo *topo, unsigned from, bool sibling,
		 unsigned *cpu, struct reason *why)
{
	unsigned cpus[MAX_CPUS];
	size_t n = topo_spread(topo, from, cpus, MAX_CPUS);
	struct reason not = { "there is none" };

	for (size_t i = 0; i < n && i < MAX_CPUS; i++) {
		bool same = topo_core_of(topo, cpus[i]) == topo_core_of(topo, from);

		*cpu = cpus[i];
		if (cpus[i] != from && same == sibling && !hotplug_supported(root, cpus[i], &not ))
			return 0;
	}
	return reason_set(why, -ENOTSUP, "no %s that may go offline: %s",
			  sibling ? "other hyperthread" : "CPU of another core", not .text);
}

/* ---- the note ---- */

static bool same_file(int fd, const char *path)
{
	struct stat a, b;

	return !fstat(fd, &a) && !stat(path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Make it go, unless somebody has made a new one in the meantime. */
static void note_drop(int fd, const char *path)
{
	if (same_file(fd, path))
		unlink(path);
}

static void note_path(char path[PATH_BYTES], const char *root)
{
	snprintf(path, PATH_BYTES, "%s%s", root, NOTE);
}

/* "CPU PID BOOT". Return: does it name a CPU that went offline in this boot? */
static bool note_read(int fd, const char *root, unsigned *cpu, pid_t *owner)
{
	char text[128], boot[64] = "", now[64];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	int number, pid;

	if (n <= 0)
		return false;
	text[n] = '\0';
	if (sscanf(text, "%d %d %63s", &number, &pid, boot) != 3 || number <= 0 || pid <= 0)
		return false;
	*cpu = (unsigned)number;
	*owner = pid;
	return !file_text(root, BOOT_ID, now, sizeof(now)) && !strcmp(boot, now);
}

static int note_write(int fd, const char *root, unsigned cpu)
{
	char boot[64], text[128];
	int n, err = file_text(root, BOOT_ID, boot, sizeof(boot));

	if (err)
		return err;
	n = snprintf(text, sizeof(text), "%u %d %s\n", cpu, (int)getpid(), boot);
	return pwrite(fd, text, (size_t)n, 0) == n ? 0 : -errno;
}

/* The note itself, locked: it may be dropped while somebody waits for it. Return: its fd, -errno. */
static int note_take(const char *path)
{
	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		int err;

		if (fd < 0)
			return -errno;
		err = flock(fd, LOCK_EX | LOCK_NB) ? errno : 0;
		if (!err && same_file(fd, path))
			return fd;
		close(fd);
		if (err)
			return err == EWOULDBLOCK ? -EBUSY : -err;
	}
}

/* ---- the guard ---- */

/* Nothing but what it needs: it must not keep open what others wait for the end of. */
static void keep_files(int keep[3])
{
	for (int i = 0; i < 3; i++)
		keep[i] = fcntl(keep[i], F_DUPFD, 3);
	for (int i = 0; i < 3; i++)
		keep[i] = dup2(keep[i], i);
	close_range(3, ~0u, 0);
}

/* Says that it is there, and waits: for a word that all is well, or for the other end to be gone. */
static void __attribute__((noreturn)) guard_main(const struct hotplug *h, int line)
{
	int files[3] = { line, h->online, h->note };
	char word = 'g';
	ssize_t n;

	setsid();
	prctl(PR_SET_PDEATHSIG, 0);
	prctl(PR_SET_NAME, "tdcost-guard");
	keep_files(files);
	if (send(files[0], &word, 1, MSG_NOSIGNAL) == 1) {
		do {
			n = read(files[0], &word, 1);
		} while (n < 0 && errno == EINTR);
		if (n == 1)
			_exit(0);
	}
	if (bring_back(files[1], GUARD_PATIENCE_MS))
		_exit(1);
	note_drop(files[2], h->note_path);
	_exit(0);
}

/* The guard starts with all signals blocked: those that end this process are not for it. */
static int guard_start(struct hotplug *h)
{
	sigset_t all, was;
	int pair[2], err;
	char word;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &was);
	h->guard = fork();
	err = errno;
	if (!h->guard) {
		close(pair[0]);
		guard_main(h, pair[1]);
	}
	sigprocmask(SIG_SETMASK, &was, NULL);
	close(pair[1]);
	h->line = pair[0];
	if (h->guard < 0)
		return -err;
	/* Only once it is in its own session does a signal to this one's group miss it. */
	while (read(h->line, &word, 1) != 1)
		if (errno != EINTR)
			return -ECHILD;
	return 0;
}

static void guard_end(struct hotplug *h)
{
	if (h->line >= 0)
		(void)!send(h->line, "q", 1, MSG_NOSIGNAL);
	if (h->line >= 0)
		close(h->line);
	if (h->guard > 0)
		while (waitpid(h->guard, NULL, 0) < 0 && errno == EINTR)
			;
}

/* ---- all of it ---- */

/* What a note of before says is brought back first: it must not be written over. */
static int take_note(struct hotplug *h, const char *root, struct reason *why)
{
	int ret = hotplug_recover(root, why);

	if (ret < 0)
		return ret;
	note_path(h->note_path, root);
	h->note = note_take(h->note_path);
	if (h->note == -EBUSY)
		return reason_set(why, -EBUSY,
				  "another process takes CPUs offline now; wait for its end");
	ret = h->note < 0 ? h->note : note_write(h->note, root, h->cpu);
	return ret ? reason_set(why, ret,
				"cannot write %s, which names a CPU while it is offline: "
				"%s",
				h->note_path, strerror(-ret))
		   : 0;
}

int hotplug_open(struct hotplug **out, const char *root, unsigned cpu, struct reason *why)
{
	struct hotplug *h;
	int ret = hotplug_supported(root, cpu, why);

	if (ret)
		return ret;
	h = calloc(1, sizeof(*h));
	if (!h)
		return reason_set(why, -ENOMEM, "out of memory");
	*h = (struct hotplug){ .cpu = cpu, .note = -1, .line = -1 };
	h->online = open_online(root, cpu);
	ret = h->online < 0 ? reason_set(why, h->online, "CPU %u: %s", cpu, strerror(-h->online))
			    : take_note(h, root, why);
	if (!ret && (ret = guard_start(h)))
		reason_set(why, ret, "cannot start the guard of CPU %u: %s", cpu, strerror(-ret));
	if (ret) {
		hotplug_close(h);
		return ret;
	}
	*out = h;
	return 0;
}

void hotplug_close(struct hotplug *h)
{
	if (!h)
		return;
	/* Where it does not come back the guard goes on trying, and the note stays. */
	if (h->note >= 0 && !bring_back(h->online, PATIENCE_MS)) {
		note_drop(h->note, h->note_path);
		guard_end(h);
	} else if (h->line >= 0) {
		close(h->line);
	}
	if (h->note >= 0)
		close(h->note);
	if (h->online >= 0)
		close(h->online);
	free(h);
}

int hotplug_set(const struct hotplug *h, bool online)
{
	return set_online(h->online, online);
}

int hotplug_is_online(const struct hotplug *h)
{
	return is_online(h->online);
}

static int recover_cpu(const char *root, unsigned cpu, struct reason *why)
{
	int fd = open_online(root, cpu), err = fd < 0 ? fd : 0;

	if (err == -ENOENT)
		return 0;
	if (!err && is_online(fd) == 1) {
		close(fd);
		return 0;
	}
	if (!err)
		err = bring_back(fd, PATIENCE_MS);
	if (fd >= 0)
		close(fd);
	if (!err)
		return reason_set(why, 1,
				  "CPU %u was left offline by a run that was killed; it is "
				  "online again",
				  cpu);
	return reason_set(why, err,
			  "CPU %u was left offline by a run that was killed, and does not come "
			  "back: %s; try `echo 1 >/sys/devices/system/cpu/cpu%u/online`",
			  cpu, strerror(-err), cpu);
}

/* Locked by a guard whose process is gone: it is at work, and ends. */
static bool is_guarded(int fd, const char *root)
{
	unsigned cpu;
	pid_t owner;

	return note_read(fd, root, &cpu, &owner) && kill(owner, 0) && errno == ESRCH;
}

int hotplug_recover(const char *root, struct reason *why)
{
	unsigned cpu, waited = 0;
	char path[PATH_BYTES];
	pid_t owner;
	int fd, ret = 0;

	note_path(path, root);
	/* No note; or one that only root may read, who alone makes them and brings CPUs back. */
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK || !is_guarded(fd, root) ||
		    waited > GUARD_PATIENCE_MS + PATIENCE_MS)
			goto out;
		pause_ms(RETRY_MS);
		waited += RETRY_MS;
	}
	if (!same_file(fd, path))
		goto out;
	if (note_read(fd, root, &cpu, &owner))
		ret = recover_cpu(root, cpu, why);
	if (ret >= 0)
		note_drop(fd, path);
out:
	close(fd);
	return ret;
}
