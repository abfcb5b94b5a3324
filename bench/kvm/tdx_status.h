/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tdx_status.h: in words, what a SEAMCALL answered (hw_error of struct kvm_tdx_cmd).
 */
#ifndef TDC_BENCH_KVM_TDX_STATUS_H
#define TDC_BENCH_KVM_TDX_STATUS_H

#include <stddef.h>
#include <stdint.h>

/**
 * tdx_status_text() - a TDX status code in words
 *
 * "TDX_OPERAND_BUSY (0x8000020000000080, TDR): ...". A code that the kernel has no name for is
 * printed in hex, with what its highest bits say about every code. Return: @text.
 */
const char *tdx_status_text(uint64_t status, char *text, size_t bytes);

#endif
