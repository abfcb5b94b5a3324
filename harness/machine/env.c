// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/machine/env.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/machine/env_facts.h"
#include "harness/machine/files.h"

void put_json(struct facts *f, const char *key, json_t *value)
{
	if (f->err) {
		json_decref(value);
		return;
	}
	if (json_object_set_new(f->object, key, value ? value : json_null()))
		f->err = -ENOMEM;
}

void put_text(struct facts *f, const char *key, const char *text)
{
	char clean[4096];

	if (!text) {
		put_null(f, key);
		return;
	}
	snprintf(clean, sizeof(clean), "%s", text);
	/* JSON is UTF-8; the firmware and the command line may be anything. */
	for (char *c = clean; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	put_json(f, key, json_string(clean));
}

void put_number(struct facts *f, const char *key, int64_t v)
{
	put_json(f, key, json_integer(v));
}

void put_bool(struct facts *f, const char *key, bool v)
{
	put_json(f, key, json_boolean(v));
}

void put_null(struct facts *f, const char *key)
{
	put_json(f, key, NULL);
}

static void put_file(struct facts *f, const struct file_fact *fact)
{
	char text[4096];
	int64_t v;

	if (file_text(f->root, fact->path, text, sizeof(text))) {
		put_null(f, fact->key);
		return;
	}
	switch (fact->how) {
	case HOW_NUMBER:
		if (file_number(f->root, fact->path, &v))
			put_null(f, fact->key);
		else
			put_number(f, fact->key, v);
		break;
	case HOW_CHOICE:
		file_choice(f->root, fact->path, text, sizeof(text));
		put_text(f, fact->key, text);
		break;
	case HOW_BOOL:
		put_bool(f, fact->key, text[0] == 'Y' || text[0] == 'y' || text[0] == '1');
		break;
	default:
		put_text(f, fact->key, text);
	}
}

void put_files(struct facts *f, const struct file_fact *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_file(f, &list[i]);
}

static void name_host(struct env *env, const char *root, const struct cpu_info *cpu)
{
	char id[128] = "", key[320];

	if (file_text(root, "/proc/sys/kernel/hostname", env->hostname, sizeof(env->hostname)))
		snprintf(env->hostname, sizeof(env->hostname), "?");
	/* A virtual machine's initramfs has no machine-id; its name is the next best. */
	if (file_text(root, "/etc/machine-id", id, sizeof(id)) || !id[0])
		snprintf(id, sizeof(id), "%s", env->hostname);
	snprintf(key, sizeof(key), "%s/%s/%u/%u/%u", id, cpu->brand, cpu->family, cpu->model,
		 cpu->stepping);
	hash_text(key, env->host);
	if (file_text(root, "/proc/sys/kernel/random/boot_id", env->boot, sizeof(env->boot)))
		snprintf(env->boot, sizeof(env->boot), "?");
}

static int hash_identity(struct env *env)
{
	char *text = json_canonical(env->identity);

	if (!text)
		return -ENOMEM;
	hash_text(text, env->hash);
	free(text);
	return 0;
}

int env_record(struct env *env, const char *root, const struct cpu_info *cpu,
	       const struct topo *topo, struct reason *why)
{
	struct facts f = { .root = root, .cpu = cpu, .topo = topo };
	int err = -ENOMEM;

	memset(env, 0, sizeof(*env));
	env->identity = json_object();
	env->varying = json_object();
	if (!env->identity || !env->varying)
		goto out;
	f.object = env->identity;
	put_identity(&f);
	f.object = env->varying;
	put_varying(&f);
	name_host(env, root, cpu);
	err = f.err ? f.err : hash_identity(env);
out:
	if (err) {
		env_free(env);
		reason_set(why, err, "cannot record the environment: out of memory");
	}
	return err;
}

void env_free(struct env *env)
{
	json_decref(env->identity);
	json_decref(env->varying);
	memset(env, 0, sizeof(*env));
}

const char *env_text(const struct env *env, const char *key)
{
	const char *text = json_string_value(json_object_get(env->identity, key));

	return text ? text : "?";
}
