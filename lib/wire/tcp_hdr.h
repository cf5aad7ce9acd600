/* SPDX-License-Identifier: BSD-3-Clause */
/** @file The TCP header and its options, to and from struct tcp_seg (RFC 9293 section 3.1). */
#ifndef PTCP_WIRE_TCP_HDR_H
#define PTCP_WIRE_TCP_HDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/drop.h"
#include "wire/seg.h"

#define TCP_HDR_LEN      20 /**< without options */
#define TCP_HDR_LEN_MAX  60
#define TCP_OPTS_LEN_MAX (TCP_HDR_LEN_MAX - TCP_HDR_LEN)

/* Option kinds, and their lengths where fixed. */
#define TCP_KIND_EOL     0
#define TCP_KIND_NOP     1
#define TCP_KIND_MSS     2
#define TCP_KIND_WSCALE  3
#define TCP_KIND_SACK_OK 4
#define TCP_KIND_SACK    5
#define TCP_KIND_TS      8
#define TCP_LEN_MSS      4
#define TCP_LEN_WSCALE   3
#define TCP_LEN_SACK_OK  2
#define TCP_LEN_TS       10

/**
 * Parse the TCP segment that is exactly the @p len bytes of an IP payload. Fills @p seg from sport
 * to sack (values of options that are absent are 0, blocks from n_sack on are untouched), and
 * payload with owner NULL. The caller fills src, dst, family and ecn; the checksum is
 * tcp_cksum_ok()'s, the flags are taken as they are (reserved bits are ignored), the urgent pointer
 * too.
 *
 * Options count in opts only when well-formed: MSS (length 4), WSCALE (3) and SACK_OK (2) in
 * segments with SYN only, TS (10), SACK (8n + 2, n 1 to 4). A length of 0 or 1 or beyond the header
 * ends the parsing of the options, not of the segment; an unknown option or one with another length
 * is skipped. Of several well-formed options of a kind the last counts. A WSCALE over
 * TCP_WSCALE_MAX is taken as that (RFC 7323 section 2.3); MSS is handed on as it is, 0 too; SACK
 * blocks are not judged.
 * @return DROP_NONE; DROP_TCP_SHORT, DROP_TCP_DOFF, DROP_TCP_PORT_ZERO
 */
enum drop_reason tcp_parse(uint8_t *p, uint32_t len, struct tcp_seg *seg);

/** Whether the checksum of the @p len bytes at @p p is right, with the addresses in @p seg. */
bool tcp_cksum_ok(const uint8_t *p, uint32_t len, const struct tcp_seg *seg);

/**
 * How many SACK blocks of @p seg fit behind its other options: at most n_sack, 0 without
 * TCP_OPT_SACK. tcp_build() writes the first that many.
 */
uint32_t tcp_sack_fit(const struct tcp_seg *seg);

/** Bytes of header with options that tcp_build() writes: a multiple of 4, up to TCP_HDR_LEN_MAX. */
uint32_t tcp_hdr_len(const struct tcp_seg *seg);

/**
 * Write the header of @p seg, checksum field 0, with the options named in opts: MSS, SACK_OK and TS
 * together or each after two NOPs, NOP and WSCALE, two NOPs and the SACK blocks that fit. n_sack is
 * at most TCP_SACK_MAX, wscale at most TCP_WSCALE_MAX. MSS, WSCALE and SACK_OK belong into SYN
 * segments only.
 * @return tcp_hdr_len(seg), for which there must be room at @p p
 */
uint32_t tcp_build(uint8_t *p, const struct tcp_seg *seg);

/**
 * Fill in the checksum of the segment whose header, @p hdr_len bytes, tcp_build() wrote at @p p and
 * whose payload is the @p n_bufs slices @p bufs, of any lengths. Uses @p seg's family, src and dst.
 */
void tcp_cksum_fill(uint8_t *p, uint32_t hdr_len, const struct tcp_seg *seg,
		const struct tcp_buf *bufs, uint32_t n_bufs);

/**
 * Put the sum of the pseudo header into the checksum field, for a port that adds the rest.
 * @param len bytes of header and payload; 0 when the port segments too (TSO)
 */
void tcp_cksum_seed(uint8_t *p, uint32_t len, const struct tcp_seg *seg);

#endif
