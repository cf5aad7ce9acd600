/* SPDX-License-Identifier: BSD-3-Clause */
/* SEND and RECEIVE: slices in and out, and plain memory. */
#include <errno.h>
#include <string.h>

#include "api/api.h"

#define BATCH 16u

/* ------------------------------------------------------------------ SEND */

int
ptcp_send(struct ptcp_worker *w, ptcp_conn_t c, const struct ptcp_buf *bufs, unsigned int n)
{
	struct tcp_tcb *tcb = api_tcb(w, c);
	struct tcp_buf batch[BATCH];
	unsigned int done = 0;

	if (tcb == NULL)
		return -ENOTCONN;
	/* The state is told before the arguments: SEND of nothing is -EINVAL where SEND is allowed at all. */
	if (n == 0 || n > INT32_MAX)
		return tcp_send(&w->ctx, tcb, NULL, 0);
	while (done < n) {
		const unsigned int want = RTE_MIN(n - done, BATCH);
		unsigned int i;
		int rc;

		for (i = 0; i < want; i++) {
			const struct ptcp_buf *b = &bufs[done + i];

			if (b->owner == NULL || b->len == 0 || b->len > UINT16_MAX)
				break;
			batch[i] = (struct tcp_buf){b->owner, b->data, b->len, buf_size(b->owner)};
		}
		rc = tcp_send(&w->ctx, tcb, i > 0 ? batch : NULL, i);
		if (rc < 0)
			return done > 0 ? (int)done : rc;
		done += (unsigned int)rc;
		if ((unsigned int)rc < want)
			break;
	}
	return (int)done;
}

/** Append to the last queued slice when it is the last thing in an mbuf of ours. @return bytes appended */
static uint32_t
grow_tail(struct ptcp_worker *w, struct tcp_tcb *tcb, const uint8_t *data, uint32_t len)
{
	struct tcp_buf *tail = tcp_send_tail(&w->ctx, tcb);
	struct rte_mbuf *m = tail != NULL ? tail->owner : NULL;
	uint8_t *end;

	if (m == NULL || m->pool != w->hdr.pool || !RTE_MBUF_DIRECT(m))
		return 0;
	end = rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len);
	/* Whoever appends moves data_len on, so the end belongs to the slice that reaches it. */
	if (tail->data + tail->len != end)
		return 0;
	len = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(m));
	if (len == 0)
		return 0;
	memcpy(end, data, len);
	m->data_len = (uint16_t)(m->data_len + len);
	m->pkt_len = m->data_len;
	tcp_send_grown(&w->ctx, tcb, len);
	return len;
}

/** Queue up to @p len bytes in an mbuf of their own. @return bytes, or an errno value */
static int
send_new(struct ptcp_worker *w, struct tcp_tcb *tcb, const uint8_t *data, uint32_t len)
{
	struct rte_mbuf *m = buf_data_alloc(w);
	struct tcp_buf buf;
	int rc;

	if (m == NULL) {
		rc = tcp_send(&w->ctx, tcb, NULL, 0);
		return rc == -EINVAL ? -ENOBUFS : rc;
	}
	len = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(m));
	buf = (struct tcp_buf){m, rte_pktmbuf_mtod(m, uint8_t *), len, buf_size(m)};
	memcpy(buf.data, data, len);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	rc = tcp_send(&w->ctx, tcb, &buf, 1);
	if (rc == 1)
		return (int)len;
	rte_pktmbuf_free(m);
	w->tx_free++;
	return rc;
}

int
ptcp_send_copy(struct ptcp_worker *w, ptcp_conn_t c, const void *data, size_t len)
{
	struct tcp_tcb *tcb = api_tcb(w, c);
	const uint8_t *p = data;
	uint32_t room, done;
	int rc = 0;

	if (tcb == NULL)
		return -ENOTCONN;
	if (len == 0)
		return tcp_send(&w->ctx, tcb, NULL, 0);
	room = tcp_send_room(&w->ctx, tcb);
	/* SEND says why not, and remembers that somebody waits. */
	if (room == 0)
		return tcp_send(&w->ctx, tcb, &(struct tcp_buf){NULL, NULL, 1}, 1);
	len = RTE_MIN(len, (size_t)RTE_MIN(room, (uint32_t)INT32_MAX));
	done = grow_tail(w, tcb, p, (uint32_t)len);
	while (done < len) {
		rc = send_new(w, tcb, p + done, (uint32_t)len - done);
		if (rc < 0)
			break;
		done += (uint32_t)rc;
	}
	return done > 0 ? (int)done : rc;
}

uint32_t
ptcp_send_room(const struct ptcp_worker *w, ptcp_conn_t c)
{
	const struct tcp_tcb *tcb = api_tcb(w, c);

	if (tcb == NULL || (tcb->flags & TF_FIN_QUEUED) != 0 || tcb->state == TCP_CLOSED ||
			tcb->state == TCP_TIME_WAIT)
		return 0;
	return tcp_send_room(&w->ctx, tcb);
}

/* ------------------------------------------------------------------ RECEIVE */

int
ptcp_recv(struct ptcp_worker *w, ptcp_conn_t c, struct ptcp_buf *bufs, unsigned int n)
{
	const struct tcp_tcb *tcb = api_tcb(w, c);
	struct tcp_buf batch[BATCH * 4];
	unsigned int got;

	if (tcb == NULL)
		return -ENOTCONN;
	/* The queue can only be read from its head: more than a batch takes another call after ptcp_recv_done(). */
	got = tcp_recv(&w->ctx, tcb, batch, RTE_MIN(n, BATCH * 4));
	for (unsigned int i = 0; i < got; i++)
		bufs[i] = (struct ptcp_buf){batch[i].owner, batch[i].data, batch[i].len};
	return (int)got;
}

int
ptcp_recv_done(struct ptcp_worker *w, ptcp_conn_t c, uint32_t len)
{
	struct tcp_tcb *tcb = api_tcb(w, c);

	return tcb != NULL ? tcp_recv_done(&w->ctx, tcb, len) : -ENOTCONN;
}

int
ptcp_recv_copy(struct ptcp_worker *w, ptcp_conn_t c, void *data, size_t len)
{
	struct tcp_tcb *tcb = api_tcb(w, c);
	struct tcp_buf buf[BATCH];
	uint8_t *p = data;
	uint32_t done = 0;

	if (tcb == NULL)
		return -ENOTCONN;
	len = RTE_MIN(len, (size_t)INT32_MAX);
	while (done < len) {
		const unsigned int got = tcp_recv(&w->ctx, tcb, buf, BATCH);
		uint32_t n = 0;

		for (unsigned int i = 0; i < got && done + n < len; i++) {
			const uint32_t part = RTE_MIN(buf[i].len, (uint32_t)len - done - n);

			memcpy(p + done + n, buf[i].data, part);
			n += part;
		}
		if (n == 0 || tcp_recv_done(&w->ctx, tcb, n) != 0)
			break;
		done += n;
	}
	return (int)done;
}
