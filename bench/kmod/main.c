// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/tdcost, what the program cannot do in user space: cache flushes, the stop sequence of a
 * kexec, topups of page caches, resets of kernel pages, the teardown of a TD replayed on them.
 * tdcost.h is the contract, tdcost-kmod(4) the manual.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <asm/cpufeature.h>
#include <asm/processor.h>

#include "bench/kmod/module.h"

static bool cpu_affected(void)
{
	return boot_cpu_data.x86_vendor == X86_VENDOR_INTEL && boot_cpu_data.x86 == 6 &&
	       (boot_cpu_data.x86_model == 0x8f || boot_cpu_data.x86_model == 0xcf);
}

static u32 features(void)
{
	u32 f = 0;

	if (boot_cpu_has(X86_FEATURE_WBNOINVD))
		f |= TDCOST_HAS_WBNOINVD;
	if (boot_cpu_has(X86_FEATURE_MOVDIR64B))
		f |= TDCOST_HAS_MOVDIR64B;
	if (boot_cpu_has(X86_FEATURE_CLFLUSHOPT))
		f |= TDCOST_HAS_CLFLUSHOPT;
	if (cpu_affected())
		f |= TDCOST_CPU_AFFECTED;
	return f;
}

/*
 * Answered at any size, so that a program which knows another struct still learns the version: abi
 * stands first.
 */
static int tdcost_info(void __user *arg, size_t size)
{
	struct tdcost_info info = {
		.abi = TDCOST_ABI,
		.features = features(),
		.cpus = nr_cpu_ids,
		.max_order = tdcost_pages_max_order(),
		.max_bytes = tdcost_pages_max_bytes(),
		.max_delay_us = MAX_DELAY_US,
		.timeout_ms = tdcost_timeout_ms(),
		.max_rounds = MAX_FLAG_ROUNDS,
		.version = TDCOST_VERSION,
	};

	return copy_to_user(arg, &info, min(size, sizeof(info))) ? -EFAULT : 0;
}

static const struct {
	unsigned int cmd;
	int (*call)(struct tdcost_file *file, void __user *arg);
} calls[] = {
	{ TDCOST_FLUSH, tdcost_flush },
	{ TDCOST_STOP, tdcost_stop },
	{ TDCOST_FLAG, tdcost_flag },
	{ TDCOST_COUNTERS, tdcost_counters },
	{ TDCOST_TOPUP, tdcost_topup },
	{ TDCOST_PAGES_ALLOC, tdcost_pages_alloc },
	{ TDCOST_PAGES_FREE, tdcost_pages_free },
	{ TDCOST_PAGES_FILL, tdcost_pages_fill },
	{ TDCOST_PAGES_RESET, tdcost_pages_reset },
	{ TDCOST_PAGES_CHECK, tdcost_pages_check },
	{ TDCOST_TEARDOWN_SET, tdcost_teardown_set },
	{ TDCOST_TEARDOWN, tdcost_teardown },
};

static bool asks_info(unsigned int cmd)
{
	return _IOC_TYPE(cmd) == TDCOST_MAGIC && _IOC_NR(cmd) == _IOC_NR(TDCOST_INFO) &&
	       _IOC_DIR(cmd) == _IOC_READ;
}

static long tdcost_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	void __user *to = (void __user *)arg;
	unsigned int i;

	/* Each time: the descriptor may have been handed to somebody else. */
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (asks_info(cmd))
		return tdcost_info(to, _IOC_SIZE(cmd));
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].cmd == cmd)
			return calls[i].call(filp->private_data, to);
	return -ENOTTY;
}

static int tdcost_open(struct inode *inode, struct file *filp)
{
	struct tdcost_file *file;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	filp->private_data = file;
	return 0;
}

static int tdcost_release(struct inode *inode, struct file *filp)
{
	struct tdcost_file *file = filp->private_data;

	tdcost_pages_release(file);
	mutex_destroy(&file->lock);
	kfree(file);
	return 0;
}

static const struct file_operations tdcost_fops = {
	.owner = THIS_MODULE,
	.open = tdcost_open,
	.release = tdcost_release,
	.unlocked_ioctl = tdcost_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice tdcost_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tdcost",
	.fops = &tdcost_fops,
	.mode = 0600,
};

/* Where loading would end in figures that mean nothing, or in a fault. */
static const char *unfit(void)
{
	if (!boot_cpu_has(X86_FEATURE_TSC) || !boot_cpu_has(X86_FEATURE_RDTSCP))
		return "this CPU has no RDTSCP, by which everything is timed";
	if (!tsc_khz)
		return "the kernel could not tell the rate of this CPU's TSC";
	if (boot_cpu_has(X86_FEATURE_TDX_GUEST))
		return "this is a TD, where WBINVD raises #VE: load it on the host";
	if (boot_cpu_has(X86_FEATURE_XENPV))
		return "this is a Xen PV guest, whose WBINVD does nothing: load it on bare metal";
	return NULL;
}

static int __init tdcost_init(void)
{
	const char *why = unfit();
	int ret;

	if (why) {
		pr_err("not loaded: %s\n", why);
		return -ENODEV;
	}
	ret = tdcost_round_init();
	if (ret)
		return ret;
	ret = misc_register(&tdcost_misc);
	if (ret) {
		pr_err("not loaded: no device number is left (%d)\n", ret);
		tdcost_round_exit();
	}
	return ret;
}

static void __exit tdcost_exit(void)
{
	misc_deregister(&tdcost_misc);
	tdcost_round_exit();
}

module_init(tdcost_init);
module_exit(tdcost_exit);

MODULE_AUTHOR("The tdcost authors");
MODULE_DESCRIPTION("Cost of cache flushes, the stop before a kexec, resets, topups, teardowns");
MODULE_VERSION(TDCOST_VERSION);
MODULE_LICENSE("GPL");
