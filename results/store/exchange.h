/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exchange.h: runs from one file to another: merging, archives, CSV and JSON lines.
 *
 * Rows are told apart by their natural keys, never by row ids: host by id, environment and cell by
 * hash, run by uuid, invocation by run, round and position, sample by its seq there, a boot by all
 * that is stored of it, its calibration included.
 */
#ifndef TDC_STORE_EXCHANGE_H
#define TDC_STORE_EXCHANGE_H

#include <stdio.h>

#include "results/store/store.h"

/* What a merge or an import did. */
struct store_counts {
	unsigned runs;	/* that were not there before */
	unsigned grown; /* that were, and got rounds or a later state */
	unsigned same;	/* that were, and had all this already */
	unsigned rounds;
	uint64_t invocations, samples; /* added, warm-up included */
};

/**
 * store_merge() - take all of @path into @s, in one transaction
 *
 * Merging twice changes nothing, and the order in which files are merged does not change what is
 * there in the end (row ids aside). Where both hold a run, rounds are united and the state that
 * knows more wins with its end: done, then failed or interrupted, then open; the later of two. A
 * round that both hold must be equal to the last sample.
 *
 * Return: 0; -EEXIST where a row in both differs (@why says which and how); what store_open() says
 * of @path; -EIO where @path is not sound; what writing says. In every failure @s is as it was.
 */
int store_merge(struct store *s, const char *path, struct store_counts *counts, struct reason *why);

/**
 * store_copy_evidence() - the runs @uuids into a new file @path of the same schema
 *
 * With host, environment, boots, cells, metrics, flags, and the calibrations of those cells on
 * those hosts. One file without WAL, readable in a read-only directory, on the disk when this
 * returns. It is there whole or not at all.
 *
 * Return: 0; -EEXIST where @path is there; -ENOENT for a run that is not; -ENOSPC, -EACCES, ...
 */
int store_copy_evidence(struct store *s, const char *const *uuids, size_t n, const char *path,
			struct reason *why);

enum store_format {
	STORE_CSV,   /* RFC 4180 with a header: one row a sample, warm-up included; see flat */
	STORE_JSONL, /* one JSON object a line, nothing lost: what store_import() reads */
};

/*
 * The runs @uuids to @out, which is flushed. Return: 0; -ENOENT for a run that is not there;
 * -EILSEQ for text that is not UTF-8 and -E2BIG for a line beyond STORE_LINE_MAX (JSON lines only);
 * -ENOSPC, -EPIPE, -EIO where @out cannot be written; -ENOMEM.
 */
int store_export(struct store *s, const char *const *uuids, size_t n, enum store_format format,
		 FILE *out, struct reason *why);

#define STORE_LINE_MAX (1u << 20) /* bytes of a line, so that no input can ask for more memory */

/**
 * store_import() - read JSON lines that store_export() wrote; several files may be joined
 * @name: of @in, for words
 *
 * What is there already is treated as store_merge() does. Needs room in $TMPDIR for what it reads.
 *
 * Return: 0; -EINVAL for a line that is malformed, foreign, or at odds with those before it, and
 * for an input that ends too early; -EPROTO for a newer schema; -EEXIST where a run differs from
 * the one that is there; with the line's number in @why. In every failure @s is as it was.
 */
int store_import(struct store *s, FILE *in, const char *name, struct store_counts *counts,
		 struct reason *why);

#endif
