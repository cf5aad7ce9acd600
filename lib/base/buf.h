/* SPDX-License-Identifier: BSD-3-Clause */
/** @file Payload as the core sees it: a slice of memory that somebody else owns. */
#ifndef PTCP_BASE_BUF_H
#define PTCP_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

/**
 * A slice. Whoever holds a tcp_buf with a non-NULL owner holds one reference to that owner and must
 * pass it on or give it back by tcp_buf_free().
 */
struct tcp_buf {
	void *owner; /**< an mbuf in the worker, heap memory in the tests; NULL: no payload held */
	uint8_t *data;
	uint32_t len; /**< bytes */
	/**
	 * Bytes of memory that this reference keeps from other use: the whole buffer, even of a small payload, unless others
	 * hold it too. 0: as many as len. The core accounts for it.
	 */
	uint32_t size;
};

/*
 * Bound at link time: the worker defines these on mbufs, the tests on the heap. Not a table of
 * function pointers, so that LTO can inline them.
 */

/** Take one more reference to @p owner. Called on the owning worker's lcore. */
void tcp_buf_ref(void *owner);

/** Give one reference back; the last one frees. Called on the owning worker's lcore. */
void tcp_buf_free(void *owner);

#endif
