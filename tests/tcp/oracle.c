/* SPDX-License-Identifier: BSD-3-Clause */
#include "oracle.h"

const struct o_exception_text o_exception_text[O_EXC_MAX] = {
#define EXCEPTION(name, where, why) {#name, where, why},
		O_EXCEPTIONS(EXCEPTION)
#undef EXCEPTION
};

unsigned int o_exception_used[O_EXC_MAX];

/** The core decides otherwise here, on purpose. */
static bool
except(enum o_exception e)
{
	o_exception_used[e]++;
	return true;
}

/* ------------------------------------------------------------------ arithmetic modulo 2^32 */

/** a < b */
static bool
before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/** from =< x < from + size */
static bool
within(uint32_t x, uint32_t from, uint32_t size)
{
	return x - from < size;
}

static uint32_t
seg_len(const struct o_seg *s)
{
	return s->len + ((s->flags & O_SYN) != 0) + ((s->flags & O_FIN) != 0);
}

/* ------------------------------------------------------------------ what is sent */

uint32_t
o_empty_seq(const struct o_conn *c)
{
	const uint32_t edge = c->snd_una + c->snd_wnd;

	if (c->state != O_SYN_RECEIVED && before(edge, c->snd_nxt) && except(O_EXC_SEQ_IN_WINDOW))
		return edge;
	return c->snd_nxt;
}

/** <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> */
static void
send_ack(const struct o_conn *c, struct o_result *r)
{
	*r = (struct o_result){.sent = true,
			.flags = O_ACK,
			.seq = o_empty_seq(c),
			.ack = c->rcv_nxt,
			.told = r->told,
			.text = r->text,
			.restart_2msl = r->restart_2msl};
}

/** <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> */
static void
send_syn_ack(const struct o_conn *c, struct o_result *r)
{
	send_ack(c, r);
	r->flags = O_SYN | O_ACK;
	r->seq = c->iss;
}

/** <SEQ=SEG.ACK><CTL=RST> with an ACK, <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> without one */
static void
send_rst(const struct o_seg *s, struct o_result *r)
{
	r->sent = true;
	if ((s->flags & O_ACK) != 0) {
		r->flags = O_RST;
		r->seq = s->ack;
		r->ack = 0;
	} else {
		r->flags = O_RST | O_ACK;
		r->seq = 0;
		r->ack = s->seq + seg_len(s);
	}
}

/* ------------------------------------------------------------------ 3.10.7.1 to 3.10.7.3 */

static void
closed(const struct o_seg *s, struct o_result *r)
{
	if ((s->flags & O_RST) == 0)
		send_rst(s, r);
}

/** c->iss is what the core will choose: the caller learns it from the SYN,ACK. */
static void
listen(struct o_conn *c, const struct o_seg *s, struct o_result *r)
{
	if ((s->flags & O_RST) != 0)
		return;
	if ((s->flags & O_ACK) != 0) {
		send_rst(s, r);
		return;
	}
	if ((s->flags & O_SYN) == 0 || ((s->flags & O_FIN) != 0 && except(O_EXC_FLAGS)))
		return;
	c->rcv_nxt = s->seq + 1;
	c->snd_nxt = c->iss + 1;
	c->snd_una = c->iss;
	c->snd_wnd = s->wnd;
	c->max_snd_wnd = s->wnd;
	c->ts = s->ts;
	c->ts_recent = s->ts_val;
	c->passive = true;
	c->fin_sent = false;
	c->state = O_SYN_RECEIVED;
	send_syn_ack(c, r);
}

static void text_and_fin(struct o_conn *c, const struct o_seg *s, struct o_result *r);

static void
syn_sent(struct o_conn *c, const struct o_seg *s, struct o_result *r)
{
	const bool ack = (s->flags & O_ACK) != 0;

	/* First: SEG.ACK =< ISS or SEG.ACK > SND.NXT. */
	if (ack && !within(s->ack, c->iss + 1, c->snd_nxt - c->iss)) {
		if ((s->flags & O_RST) == 0)
			send_rst(s, r);
		return;
	}
	/* Second. */
	if ((s->flags & O_RST) != 0) {
		if (ack) {
			r->told |= except(O_EXC_REFUSED) ? O_TOLD_REFUSED : O_TOLD_RESET;
			c->state = O_CLOSED;
		}
		return;
	}
	/* Fourth; and fifth: neither SYN nor RST. */
	if ((s->flags & O_SYN) == 0)
		return;
	c->rcv_nxt = s->seq + 1;
	c->snd_wnd = s->wnd;
	c->max_snd_wnd = s->wnd;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	c->ts = s->ts;
	c->ts_recent = s->ts_val;
	if (!ack) {
		c->state = O_SYN_RECEIVED;
		send_syn_ack(c, r);
		return;
	}
	c->snd_una = s->ack;
	c->state = O_ESTABLISHED;
	r->told |= O_TOLD_OPEN;
	send_ack(c, r);
	text_and_fin(c, s, r);
}

/* ------------------------------------------------------------------ 3.10.7.4, other states */

/** Table 6. */
static bool
acceptable(const struct o_conn *c, const struct o_seg *s)
{
	const uint32_t len = seg_len(s);

	if (len == 0 && c->rcv_wnd > 0 && s->seq == c->rcv_nxt + c->rcv_wnd &&
			c->state != O_SYN_RECEIVED && c->state != O_TIME_WAIT &&
			(s->flags & O_RST) == 0) {
		except(O_EXC_EMPTY_AT_EDGE);
		return true;
	}
	if (len == 0)
		return c->rcv_wnd == 0 ? s->seq == c->rcv_nxt :
					 within(s->seq, c->rcv_nxt, c->rcv_wnd);
	if (c->rcv_wnd == 0)
		return false;
	return within(s->seq, c->rcv_nxt, c->rcv_wnd) ||
			within(s->seq + len - 1, c->rcv_nxt, c->rcv_wnd);
}

/** RFC 6191 section 2, for a SYN in TIME-WAIT (MAY-2, SHLD-4). */
static bool
reopens(const struct o_conn *c, const struct o_seg *s)
{
	/* Larger than the last sequence number seen, which is that of the FIN: RCV.NXT - 1. */
	const bool larger = before(c->rcv_nxt - 1, s->seq);

	if (!c->ts)
		return s->ts || larger;
	if (!s->ts)
		return larger;
	return before(c->ts_recent, s->ts_val) || (c->ts_recent == s->ts_val && larger);
}

static void
syn_in_time_wait(struct o_conn *c, const struct o_seg *s, struct o_result *r)
{
	if (!c->passive || !reopens(c, s)) {
		/* "For all other cases": the challenge of RFC 5961 (RFC 6191 would be silent). */
		send_ack(c, r);
		return;
	}
	c->state = O_LISTEN;
	listen(c, s, r);
}

/** RFC 5961 section 3 as RFC 9293 tells it; RFC 1337 section 3 (F1) for TIME-WAIT. */
static void
rst(struct o_conn *c, const struct o_seg *s, struct o_result *r)
{
	const bool inside = c->rcv_wnd == 0 ? s->seq == c->rcv_nxt :
					      within(s->seq, c->rcv_nxt, c->rcv_wnd);

	if (c->state == O_TIME_WAIT || !inside)
		return;
	if (s->seq != c->rcv_nxt) {
		send_ack(c, r);
		return;
	}
	switch (c->state) {
	case O_SYN_RECEIVED:
		if (!c->passive)
			r->told |= O_TOLD_REFUSED;
		c->state = c->passive ? O_LISTEN : O_CLOSED;
		break;
	case O_ESTABLISHED:
	case O_FIN_WAIT_1:
	case O_FIN_WAIT_2:
	case O_CLOSE_WAIT:
		r->told |= O_TOLD_RESET;
		c->state = O_CLOSED;
		break;
	default:
		if (except(O_EXC_END_IS_TOLD))
			r->told |= O_TOLD_RESET;
		c->state = O_CLOSED;
		break;
	}
}

/** Fourth. */
static void
syn(struct o_conn *c, struct o_result *r)
{
	if (c->state == O_SYN_RECEIVED && c->passive)
		c->state = O_LISTEN;
	else
		send_ack(c, r);
}

static void
take_window(struct o_conn *c, const struct o_seg *s)
{
	c->snd_wnd = s->wnd;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	if (s->wnd > c->max_snd_wnd)
		c->max_snd_wnd = s->wnd;
}

/** "The processing for the ESTABLISHED state" of an acceptable ACK. */
static void
ack_established(struct o_conn *c, const struct o_seg *s)
{
	if (within(s->ack, c->snd_una + 1, c->snd_nxt - c->snd_una))
		c->snd_una = s->ack;
	else if (s->ack != c->snd_una)
		return;
	if (before(c->snd_wl1, s->seq) || (c->snd_wl1 == s->seq && !before(s->ack, c->snd_wl2)) ||
			(before(c->snd_wl2, s->ack) && except(O_EXC_WINDOW_BY_ACK)))
		take_window(c, s);
}

/** Fifth. @return go on with the sixth step */
static bool
check_ack(struct o_conn *c, const struct o_seg *s, struct o_result *r)
{
	bool fin_acked;

	if ((s->flags & O_ACK) == 0)
		return false;
	if (c->state == O_SYN_RECEIVED) {
		/*
		 * Before the check of RFC 5961 section 5.2: in a state that is not synchronised an unacceptable ACK
		 * is answered by a reset (section 3.5.2, group 2), which that check would hardly ever let happen.
		 */
		if (!within(s->ack, c->snd_una + 1, c->snd_nxt - c->snd_una)) {
			send_rst(s, r);
			return false;
		}
		c->state = O_ESTABLISHED;
		c->snd_una = s->ack;
		r->told |= O_TOLD_OPEN;
		take_window(c, s);
		return true;
	}
	/* SND.UNA - MAX.SND.WND =< SEG.ACK =< SND.NXT */
	if (!within(s->ack, c->snd_una - c->max_snd_wnd,
			    c->snd_nxt - c->snd_una + c->max_snd_wnd + 1)) {
		send_ack(c, r);
		return false;
	}
	ack_established(c, s);
	fin_acked = c->fin_sent && c->snd_una == c->snd_nxt;
	switch (c->state) {
	case O_FIN_WAIT_1:
		if (fin_acked)
			c->state = O_FIN_WAIT_2;
		return true;
	case O_CLOSING:
		if (!fin_acked)
			return true; /* "ignore the segment": its text and FIN lie beyond the FIN that we have */
		c->state = O_TIME_WAIT;
		r->told |= O_TOLD_DONE;
		return false; /* and so do they here */
	case O_LAST_ACK:
		if (!fin_acked)
			return true;
		c->state = O_CLOSED;
		r->told |= O_TOLD_DONE;
		return false;
	default:
		return true;
	}
}

/** Eighth: a FIN that is next in order. */
static void
fin(struct o_conn *c, struct o_result *r)
{
	c->rcv_nxt++;
	r->told |= O_TOLD_CLOSING;
	switch (c->state) {
	case O_SYN_RECEIVED:
	case O_ESTABLISHED:
		c->state = O_CLOSE_WAIT;
		break;
	case O_FIN_WAIT_1: /* our FIN is not acknowledged, or the state were FIN-WAIT-2 by now */
		c->state = O_CLOSING;
		break;
	case O_FIN_WAIT_2:
		c->state = O_TIME_WAIT;
		r->told |= O_TOLD_DONE;
		break;
	default:
		break;
	}
	send_ack(c, r);
}

/** Sixth (urgent data: nothing beyond its text), seventh and eighth. */
static void
text_and_fin(struct o_conn *c, const struct o_seg *s, struct o_result *r)
{
	const uint32_t first = s->seq + ((s->flags & O_SYN) != 0);
	const uint32_t end = first + s->len; /* where FIN is, if there is one */
	const uint32_t edge = c->rcv_nxt + c->rcv_wnd;
	const uint32_t stop = before(edge, end) ? edge : end;

	if (seg_len(s) == 0)
		return;
	if (c->state != O_ESTABLISHED && c->state != O_FIN_WAIT_1 && c->state != O_FIN_WAIT_2) {
		/* "Should not occur"; a FIN again is below RCV.NXT, so that it was not acceptable. */
		if (except(O_EXC_AFTER_FIN))
			send_ack(c, r);
		return;
	}
	/* "If new data is received after CLOSE is called, its TCP implementation SHOULD send a RST" (SHLD-3). */
	if (c->closed && before(c->rcv_nxt, stop) && before(first, edge) && s->len > 0) {
		send_ack(c, r);
		r->flags = O_RST;
		r->ack = 0;
		r->told |= O_TOLD_ABORTED;
		c->state = O_CLOSED;
		return;
	}
	/* What begins beyond RCV.NXT is held for later (SHLD-31), and acknowledged (MAY-13). */
	if (!before(c->rcv_nxt, first) && before(c->rcv_nxt, stop)) {
		r->text = stop - c->rcv_nxt;
		r->told |= O_TOLD_TEXT;
		c->rcv_wnd -= r->text;
		c->rcv_nxt = stop;
	}
	send_ack(c, r);
	if ((s->flags & O_FIN) != 0 && end == c->rcv_nxt &&
			(end != edge || except(O_EXC_FIN_AT_EDGE)))
		fin(c, r);
}

/** The SYN of SYN-RECEIVED again. Whatever else the segment carries: its SYN is old, and old parts are not processed. */
static bool
is_syn_again(const struct o_conn *c, const struct o_seg *s)
{
	return c->state == O_SYN_RECEIVED && (s->flags & O_SYN) != 0 && s->seq == c->rcv_nxt - 1;
}

/** That SYN with the ACK that makes a simultaneous open complete. */
static bool
is_figure_7(const struct o_conn *c, const struct o_seg *s)
{
	return is_syn_again(c, s) && !c->passive && (s->flags & O_ACK) != 0 && s->ack == c->snd_nxt;
}

static void
unacceptable(const struct o_conn *c, const struct o_seg *s, struct o_result *r)
{
	if ((s->flags & O_RST) != 0)
		return;
	send_ack(c, r);
	if (is_syn_again(c, s) && !is_figure_7(c, s) && except(O_EXC_SYN_AGAIN))
		send_syn_ack(c, r);
}

/** RFC 7323 section 3.2 and 5.3 R1. @return drop the segment */
static bool
timestamps(const struct o_conn *c, const struct o_seg *s, struct o_result *r)
{
	if (!c->ts || (s->flags & O_RST) != 0)
		return false;
	if (!s->ts)
		return (s->flags & O_SYN) == 0 || !except(O_EXC_SYN_WITHOUT_TS);
	if (!before(s->ts_val, c->ts_recent))
		return false;
	unacceptable(c, s, r);
	return true;
}

/** First: the sequence number. @return go on with the second step */
static bool
check_sequence(struct o_conn *c, const struct o_seg *s, struct o_result *r)
{
	if (acceptable(c, s) && !is_syn_again(c, s))
		return true;
	/* "Special allowance should be made to accept valid ACKs, URGs, and RSTs" with a window of 0. */
	if (c->rcv_wnd == 0 && s->seq == c->rcv_nxt)
		return true;
	/* A retransmitted FIN ends here as well, which is meant to restart the 2MSL timeout. */
	if (c->state == O_TIME_WAIT && (s->flags & (O_FIN | O_ACK | O_RST)) == (O_FIN | O_ACK) &&
			s->seq + seg_len(s) == c->rcv_nxt)
		r->restart_2msl = true;
	unacceptable(c, s, r);
	return false;
}

/** Figure 7: the SYN is old, what came with it is not. @return it was that */
static bool
figure_7(struct o_conn *c, const struct o_seg *s, struct o_result *r)
{
	struct o_seg rest = *s;

	if (!is_figure_7(c, s) || !except(O_EXC_FIGURE_7))
		return false;
	rest.flags = (uint8_t)(s->flags & ~O_SYN);
	rest.seq++;
	if (check_ack(c, &rest, r))
		text_and_fin(c, &rest, r);
	return true;
}

static void
other_states(struct o_conn *c, const struct o_seg *s, struct o_result *r)
{
	if (c->state == O_TIME_WAIT && (s->flags & (O_SYN | O_ACK | O_RST)) == O_SYN) {
		syn_in_time_wait(c, s, r);
		return;
	}
	if (timestamps(c, s, r) || figure_7(c, s, r) || !check_sequence(c, s, r))
		return;
	if ((s->flags & O_RST) != 0)
		rst(c, s, r);
	else if ((s->flags & O_SYN) != 0)
		syn(c, r);
	else if (check_ack(c, s, r))
		text_and_fin(c, s, r);
}

/** No peer that follows any RFC sends one of these. */
static bool
meaningless(const struct o_seg *s)
{
	const bool syn = (s->flags & O_SYN) != 0;

	return (syn && (s->flags & (O_FIN | O_RST)) != 0) ||
			(s->flags & (O_ACK | O_RST | O_SYN)) == 0;
}

struct o_result
o_segment_arrives(struct o_conn *c, const struct o_seg *s)
{
	struct o_result r = {0};

	if (c->state > O_LISTEN && meaningless(s) && except(O_EXC_FLAGS))
		return r;
	switch (c->state) {
	case O_CLOSED:
		closed(s, &r);
		break;
	case O_LISTEN:
		listen(c, s, &r);
		break;
	case O_SYN_SENT:
		syn_sent(c, s, &r);
		break;
	default:
		other_states(c, s, &r);
		if (c->state == O_TIME_WAIT && r.sent && seg_len(s) == 0 &&
				except(O_EXC_TIME_WAIT_QUIET))
			r.sent = false;
		break;
	}
	return r;
}
