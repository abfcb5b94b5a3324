// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/kmod/why_not.h"

#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bench/kmod/tdcost.h"
#include "harness/machine/files.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BUILD	      "make -C bench/kmod && insmod bench/kmod/tdcost.ko"

/*
 * Each asks for one obstacle, and where it finds it says so and what to do. From what cannot be
 * mended by building to what can; the last one always applies.
 */
typedef bool obstacle(const char *root, const char *release, struct reason *why);

static bool no_node(const char *root, const char *release, struct reason *why)
{
	char number[32];
	char *colon;

	(void)release;
	if (!file_exists(root, "/sys/module/tdcost"))
		return false;
	if (file_text(root, "/sys/class/misc/tdcost/dev", number, sizeof(number)))
		snprintf(number, sizeof(number), "10:MINOR");
	colon = strchr(number, ':');
	if (colon)
		*colon = ' ';
	reason_set(
		why, 0,
		"%s is missing although tdcost.ko is loaded: mount devtmpfs on /dev, or as root: "
		"mknod -m 600 %s c %s",
		TDCOST_DEVICE, TDCOST_DEVICE, number);
	return true;
}

static bool no_modules(const char *root, const char *release, struct reason *why)
{
	if (file_exists(root, "/proc/modules"))
		return false;
	reason_set(
		why, 0,
		"%s is missing, and the kernel %s takes no modules (CONFIG_MODULES is off): boot "
		"one that does",
		TDCOST_DEVICE, release);
	return true;
}

static bool no_more_modules(const char *root, const char *release, struct reason *why)
{
	char value[32];

	(void)release;
	if (file_text(root, "/proc/sys/kernel/modules_disabled", value, sizeof(value)) ||
	    !strcmp(value, "0"))
		return false;
	reason_set(why, 0,
		   "%s is missing, and the kernel takes no more modules until it is booted again "
		   "(kernel.modules_disabled is %s): load tdcost.ko before that is set",
		   TDCOST_DEVICE, value);
	return true;
}

/* Where modules that are not the kernel's own are put, DKMS's folder first. */
static const char *const places[] = { "updates/dkms", "updates", "extra" };

/* The kernel release that an installed tdcost.ko is for; @release may be a pattern. */
static bool installed_for(const char *root, const char *release, char *found, size_t n)
{
	char pattern[512];
	glob_t g;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		size_t lib = strlen(root) + strlen("/lib/modules/");

		snprintf(pattern, sizeof(pattern), "%s/lib/modules/%s/%s/tdcost.ko*", root, release,
			 places[i]);
		if (glob(pattern, 0, NULL, &g))
			continue;
		snprintf(found, n, "%.*s", (int)strcspn(g.gl_pathv[0] + lib, "/"),
			 g.gl_pathv[0] + lib);
		globfree(&g);
		return true;
	}
	return false;
}

/* An installed one may be signed: that is tried before anything is signed or turned off. */
static bool locked_down(const char *root, const char *release, struct reason *why)
{
	char mode[32], found[128];
	bool installed = installed_for(root, release, found, sizeof(found));

	if (file_choice(root, "/sys/kernel/security/lockdown", mode, sizeof(mode)) ||
	    !strcmp(mode, "none"))
		return false;
	reason_set(why, 0,
		   "%s is missing%sthe kernel is locked down (%s), so it loads signed modules "
		   "only: sign tdcost.ko with a key that it trusts (DKMS does, once mokutil has "
		   "enrolled its key), or turn Secure Boot off",
		   TDCOST_DEVICE,
		   installed ? ": tdcost.ko is installed for this kernel but not loaded; as root: "
			       "modprobe tdcost. If that is refused: "
			     : ", and ",
		   mode);
	return true;
}

static bool not_loaded(const char *root, const char *release, struct reason *why)
{
	char found[128];

	if (!installed_for(root, release, found, sizeof(found)))
		return false;
	reason_set(why, 0,
		   "%s is missing: tdcost.ko is installed for this kernel but not loaded; as root: "
		   "modprobe tdcost",
		   TDCOST_DEVICE);
	return true;
}

static bool for_another_kernel(const char *root, const char *release, struct reason *why)
{
	char found[128];

	if (!installed_for(root, "*", found, sizeof(found)))
		return false;
	reason_set(why, 0,
		   "%s is missing: tdcost.ko is installed for the kernel %s, and this is %s; as "
		   "root: dkms install tdcost/%s -k %s && modprobe tdcost",
		   TDCOST_DEVICE, found, release, TDCOST_VERSION, release);
	return true;
}

static bool no_headers(const char *root, const char *release, struct reason *why)
{
	char build[256];

	snprintf(build, sizeof(build), "/lib/modules/%s/build", release);
	if (file_exists(root, build))
		return false;
	reason_set(why, 0,
		   "%s is missing: tdcost.ko is not loaded, and to build it the headers of the "
		   "kernel %s are missing; as root: apt-get install linux-headers-%s, then " BUILD,
		   TDCOST_DEVICE, release, release);
	return true;
}

static bool not_built(const char *root, const char *release, struct reason *why)
{
	(void)root;
	reason_set(why, 0,
		   "%s is missing: tdcost.ko is not loaded; as root, in the source tree: " BUILD
		   " (built for another kernel than %s it is refused: make -C bench/kmod clean "
		   "first)",
		   TDCOST_DEVICE, release);
	return true;
}

static obstacle *const obstacles[] = {
	no_node,    no_modules,		no_more_modules, locked_down,
	not_loaded, for_another_kernel, no_headers,	 not_built,
};

static int why_missing(const char *root, struct reason *why)
{
	char release[128];

	if (file_text(root, "/proc/sys/kernel/osrelease", release, sizeof(release)))
		snprintf(release, sizeof(release), "unknown");
	for (size_t i = 0; i < ARRAY_SIZE(obstacles); i++)
		if (obstacles[i](root, release, why))
			break;
	return -ENOTSUP;
}

int kmod_why_not(const char *root, int err, struct reason *why)
{
	switch (err) {
	case -ENOENT:
		return why_missing(root, why);
	case -EACCES:
	case -EPERM:
		return reason_set(why, -ENOTSUP,
				  "%s: not permitted: run as root, it takes CAP_SYS_ADMIN",
				  TDCOST_DEVICE);
	case -ENXIO:
	case -ENODEV:
		return reason_set(why, -ENOTSUP,
				  "%s has no module behind it: as root: rm %s, then modprobe "
				  "tdcost or insmod bench/kmod/tdcost.ko",
				  TDCOST_DEVICE, TDCOST_DEVICE);
	default:
		return reason_set(why, -ENOTSUP, "%s: %s", TDCOST_DEVICE, strerror(-err));
	}
}
