/* SPDX-License-Identifier: BSD-3-Clause */
#include "ladder.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fmt.h"

#define STATE_WIDTH 12
#define ARROW_WIDTH 50

#define FLAG_FIN 1
#define FLAG_SYN 2
#define FLAG_RST 4
#define FLAG_PSH 8
#define FLAG_ACK 16
#define FLAG_URG 32

#define DIM   "\033[2m"
#define BOLD  "\033[1m"
#define NOTE  "\033[36m"
#define PLAIN "\033[0m"

void
ladder_begin(struct ladder *ladder, const char *left, const char *right)
{
	memset(ladder, 0, sizeof(*ladder));
	setlocale(LC_CTYPE, "");
	ladder->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	ladder->colour = isatty(STDOUT_FILENO) != 0;
	for (unsigned int i = 0; i < 2; i++) {
		ladder->end[i].ladder = ladder;
		ladder->end[i].side = (enum ladder_side)i;
	}
	ladder->end[LADDER_RIGHT].state = PTCP_LISTEN;
	printf("%9s  %-*s  %*s%s\n", "ms", STATE_WIDTH, left, ARROW_WIDTH + 2, "", right);
	printf("%9s  %-*s  %*s%s\n", "", STATE_WIDTH, ptcp_state_name(PTCP_CLOSED), ARROW_WIDTH + 2,
			"", ptcp_state_name(PTCP_LISTEN));
}

static void
flags_format(uint8_t flags, char *text, size_t size)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} names[] = {{FLAG_SYN, "SYN"}, {FLAG_FIN, "FIN"}, {FLAG_RST, "RST"}, {FLAG_PSH, "PSH"},
			{FLAG_URG, "URG"}, {FLAG_ACK, "ACK"}};
	size_t len = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((flags & names[i].flag) != 0)
			len += (size_t)snprintf(text + len, size - len, "%s%s", len == 0 ? "" : ",",
					names[i].name);
}

/* "SYN,ACK seq=0 ack=1 win=65535": relative to the sender's and the receiver's first numbers. */
static void
label_format(const struct ladder_end *from, const struct ladder_end *to,
		const struct ptcp_trace *rec, char *text, size_t size)
{
	char flags[32];
	size_t len;

	flags_format(rec->flags, flags, sizeof(flags));
	len = (size_t)snprintf(text, size, "%s seq=%u", flags, rec->seq - from->iss);
	if ((rec->flags & FLAG_ACK) != 0)
		len += (size_t)snprintf(text + len, size - len, " ack=%u", rec->ack - to->iss);
	if (rec->len != 0)
		len += (size_t)snprintf(text + len, size - len, " len=%u", rec->len);
	snprintf(text + len, size - len, " win=%u%s", rec->wnd,
			rec->retransmission ? " again" : "");
}

static void
dashes(const struct ladder *ladder, size_t n)
{
	while (n-- != 0)
		fputs(ladder->utf8 ? "\u2500" : "-", stdout);
}

static void
arrow_print(const struct ladder *ladder, bool right, const char *label)
{
	const char *head =
			right ? (ladder->utf8 ? "\u25b6" : ">") : (ladder->utf8 ? "\u25c0" : "<");
	size_t len = strlen(label), fill = len + 4 < ARROW_WIDTH ? ARROW_WIDTH - 4 - len : 1;
	size_t before = fill / 2;

	if (!right)
		fputs(head, stdout);
	dashes(ladder, before + 1);
	printf(" %s ", label);
	dashes(ladder, fill - before);
	if (right)
		fputs(head, stdout);
}

/* A state; one that is new stands out. */
static void
state_print(struct ladder_end *end, enum ptcp_state state, bool pad)
{
	const bool colour = end->ladder->colour;
	const char *name = ptcp_state_name(state);

	printf("%s%s%s", colour ? (state == end->state ? DIM : BOLD) : "", name,
			colour ? PLAIN : "");
	if (pad)
		printf("%*s", STATE_WIDTH - (int)strlen(name), "");
	end->state = state;
}

static void
time_print(struct ladder *ladder, uint64_t now_us)
{
	if (ladder->start_us == 0)
		ladder->start_us = now_us;
	ladder->last_us = now_us;
	printf("%9.3f  ", (double)(now_us - ladder->start_us) / 1e3);
}

/* Take the segment out of the sender's flight: what had been sent before it and never came is forgotten. */
static enum ptcp_state
flight_take(struct ladder_end *from, const struct ptcp_trace *rec)
{
	for (unsigned int i = 0; i < from->n; i++) {
		const struct ptcp_trace *sent = &from->flight[(from->first + i) % LADDER_FLIGHT];

		if (sent->seq != rec->seq || sent->len != rec->len || sent->flags != rec->flags)
			continue;
		from->first = (from->first + i + 1) % LADDER_FLIGHT;
		from->n -= i + 1;
		return sent->state;
	}
	return from->state;
}

void
ladder_trace(void *arg, const struct ptcp_trace *rec)
{
	struct ladder_end *end = arg, *from;
	struct ladder *ladder = end->ladder;
	enum ptcp_state sender;
	char label[96];
	bool right;

	if (rec->sent) {
		if ((rec->flags & FLAG_SYN) != 0 && !end->iss_known) {
			end->iss = rec->seq;
			end->iss_known = true;
		}
		if (ladder->start_us == 0)
			ladder->start_us = rec->time_us;
		if (end->n < LADDER_FLIGHT)
			end->flight[(end->first + end->n++) % LADDER_FLIGHT] = *rec;
		return;
	}
	right = end->side == LADDER_RIGHT;
	from = &ladder->end[right ? LADDER_LEFT : LADDER_RIGHT];
	sender = flight_take(from, rec);
	label_format(from, end, rec, label, sizeof(label));
	time_print(ladder, rec->time_us);
	state_print(&ladder->end[LADDER_LEFT], right ? sender : rec->state, true);
	printf("  ");
	arrow_print(ladder, right, label);
	printf("  ");
	state_print(&ladder->end[LADDER_RIGHT], right ? rec->state : sender, false);
	printf("\n");
	fflush(stdout);
	ladder->segments++;
}

void
ladder_note(struct ladder *ladder, const char *format, ...)
{
	va_list args;

	printf("%9s  %*s%s", "", STATE_WIDTH + 2, "", ladder->colour ? NOTE : "");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("%s\n", ladder->colour ? PLAIN : "");
	fflush(stdout);
}

void
ladder_state(struct ladder *ladder, enum ladder_side side, enum ptcp_state state, uint64_t now_us,
		const char *why)
{
	time_print(ladder, now_us);
	if (side == LADDER_LEFT) {
		state_print(&ladder->end[LADDER_LEFT], state, true);
		printf("  %-*s  ", ARROW_WIDTH, why);
		state_print(&ladder->end[LADDER_RIGHT], ladder->end[LADDER_RIGHT].state, false);
	} else {
		state_print(&ladder->end[LADDER_LEFT], ladder->end[LADDER_LEFT].state, true);
		printf("  %*s  ", ARROW_WIDTH, why);
		state_print(&ladder->end[LADDER_RIGHT], state, false);
	}
	printf("\n");
	fflush(stdout);
}
