// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/store/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* RFC 9562, version 4. */
void store_new_uuid(char out[37])
{
	unsigned char b[16];
	char hex[33];

	/* 16 bytes come whole or, on a kernel without the call, not at all. */
	if (getrandom(b, sizeof(b), 0) != sizeof(b)) {
		struct timespec t;
		uint64_t seed[2];

		clock_gettime(CLOCK_REALTIME, &t);
		seed[0] = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
		seed[1] = (uint64_t)getpid() * 0x9e3779b97f4a7c15u ^ seed[0];
		memcpy(b, seed, sizeof(b));
	}
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	for (int i = 0; i < 16; i++)
		sprintf(hex + 2 * i, "%02x", b[i]);
	sprintf(out, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}
