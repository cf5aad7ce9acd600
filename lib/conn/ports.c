/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "conn/ports.h"

#define WORDS     1024u /* of 64 ports */
#define OPEN      (WORDS / 64)
#define SLOTS_MIN 1024u

/** The ports of one (laddr, raddr, rport). */
struct port_set {
	struct ip_addr raddr6; /* all zero for IPv4 */
	uint32_t raddr;
	uint16_t rport;
	uint16_t laddr;
	uint32_t next;       /* in the chain of its slot, or of the free sets */
	uint32_t n_used;     /* ports in use, those outside the range included */
	uint32_t n_free;     /* ports of the range not in use */
	uint32_t rotor;      /* where the next search begins */
	uint64_t open[OPEN]; /* a bit for each word that has a free port of the range */
	uint64_t used[WORDS];
};

/** A slot of the hash of sets. */
struct port_slot {
	uint32_t head;
	/*
	 * How far the rotors of the sets of this slot have gone, modulo the range. It outlives the
	 * sets, as the counters of RFC 6056 algorithm 4 do: a triple whose only connection comes
	 * and goes finds a fresh port.
	 */
	uint32_t gone;
};

struct port_table {
	struct siphash_key key;
	struct port_set *set;
	uint32_t max_sets;
	uint32_t n_sets;
	uint32_t n_used;
	uint32_t n_touched; /* sets from here on were never used, nor their memory written */
	uint32_t free;      /* list of freed sets; their bits are as those of a new one */
	uint32_t first;
	uint32_t last;
	uint32_t slot_mask;
	uint64_t open[OPEN]; /* of an empty set */
	struct port_slot slot[];
};

static uint32_t
slot_count(uint32_t max_sets)
{
	uint32_t n = SLOTS_MIN;

	while (n < max_sets)
		n *= 2;
	return n;
}

static size_t
sets_offset(uint32_t max_sets)
{
	return sizeof(struct port_table) + slot_count(max_sets) * sizeof(struct port_slot);
}

PTCP_STATIC_ASSERT(sizeof(struct port_table) % 8 == 0, "the sets that follow hold 64-bit words");
PTCP_STATIC_ASSERT(sizeof(struct port_set) <= 8400, "the budget of a set");

static uint32_t
range_len(const struct port_table *t)
{
	return t->last - t->first + 1;
}

/** The ports of word @p w that may be given. */
static uint64_t
range_mask(const struct port_table *t, uint32_t w)
{
	uint64_t mask = UINT64_MAX;

	if (w < t->first / 64 || w > t->last / 64)
		return 0;
	if (w == t->first / 64)
		mask &= UINT64_MAX << (t->first % 64);
	if (w == t->last / 64)
		mask &= UINT64_MAX >> (63 - t->last % 64);
	return mask;
}

static uint64_t
free_ports(const struct port_table *t, const struct port_set *s, uint32_t w)
{
	return ~s->used[w] & range_mask(t, w);
}

static void
put_bit(uint64_t *words, uint32_t i, bool on)
{
	const uint64_t bit = (uint64_t)1 << (i % 64);

	words[i / 64] = on ? words[i / 64] | bit : words[i / 64] & ~bit;
}

static bool
get_bit(const uint64_t *words, uint32_t i)
{
	return (words[i / 64] >> (i % 64) & 1) != 0;
}

static void
mark(struct port_table *t, struct port_set *s, uint32_t port, bool used)
{
	const uint32_t w = port / 64;

	put_bit(s->used, port, used);
	put_bit(s->open, w, free_ports(t, s, w) != 0);
	s->n_used += used ? 1u : -1u;
	t->n_used += used ? 1u : -1u;
	if (port >= t->first && port <= t->last)
		s->n_free += used ? -1u : 1u;
}

/** The first word at or after @p w that has a free port, or WORDS. */
static uint32_t
next_open(const struct port_set *s, uint32_t w)
{
	uint64_t mask = UINT64_MAX << (w % 64);

	for (uint32_t i = w / 64; i < OPEN; i++, mask = UINT64_MAX)
		if ((s->open[i] & mask) != 0)
			return i * 64 + (uint32_t)__builtin_ctzll(s->open[i] & mask);
	return WORDS;
}

/** The first free port from the rotor on, round the range; one there must be. */
static uint32_t
next_free(const struct port_table *t, const struct port_set *s)
{
	uint32_t w = s->rotor / 64;
	uint64_t ports = free_ports(t, s, w) & (UINT64_MAX << (s->rotor % 64));

	PTCP_ASSERT(s->n_free > 0);
	if (ports == 0) {
		w = next_open(s, w + 1);
		if (w == WORDS)
			w = next_open(s, 0);
		ports = free_ports(t, s, w);
	}
	return w * 64 + (uint32_t)__builtin_ctzll(ports);
}

static struct ip_addr
addr_or_zero(const struct ip_addr *raddr6)
{
	return raddr6 != NULL ? *raddr6 : (struct ip_addr){.q = {0, 0}};
}

static uint32_t
slot_of(const struct port_table *t, const struct conn_ident *id, const struct ip_addr *raddr6)
{
	const struct ip_addr a = addr_or_zero(raddr6);
	const uint64_t words[3] = {a.q[0], a.q[1],
			(uint64_t)id->raddr << 32 | (uint32_t)id->rport << 16 | id->laddr};

	return (uint32_t)siphash13_words(&t->key, words, 3) & t->slot_mask;
}

/**
 * Where the ports of a triple begin to go round, 0 to the range's length - 1. The peer sees the
 * ports, so it is the stronger SipHash; it has nothing in common with the one that chooses the
 * slot.
 */
static uint32_t
start_of(const struct port_table *t, const struct conn_ident *id, const struct ip_addr *raddr6)
{
	const struct ip_addr a = addr_or_zero(raddr6);
	uint8_t b[24];

	memcpy(b, a.b, 16);
	memcpy(b + 16, &id->raddr, 4);
	memcpy(b + 20, &id->rport, 2);
	memcpy(b + 22, &id->laddr, 2);
	return (uint32_t)(((siphash24(&t->key, b, sizeof(b)) >> 32) * range_len(t)) >> 32);
}

static bool
set_is(const struct port_set *s, const struct conn_ident *id, const struct ip_addr *raddr6)
{
	const struct ip_addr a = addr_or_zero(raddr6);

	return s->raddr == id->raddr && s->rport == id->rport && s->laddr == id->laddr &&
			ip_addr_equal(&s->raddr6, &a);
}

/** The link that leads to the set of the triple, or to PTCP_NIL at the end of its chain. */
static uint32_t *
set_link(struct port_table *t, uint32_t slot, const struct conn_ident *id,
		const struct ip_addr *raddr6)
{
	uint32_t *link = &t->slot[slot].head;

	while (*link != PTCP_NIL && !set_is(&t->set[*link], id, raddr6))
		link = &t->set[*link].next;
	return link;
}

/** A set without ports in use, or NULL. */
static struct port_set *
set_alloc(struct port_table *t)
{
	struct port_set *s;

	if (t->free != PTCP_NIL) {
		s = &t->set[t->free];
		t->free = s->next;
	} else if (t->n_touched < t->max_sets) {
		s = &t->set[t->n_touched++];
		memset(s, 0, sizeof(*s));
		memcpy(s->open, t->open, sizeof(s->open));
		s->n_free = range_len(t);
	} else {
		return NULL;
	}
	t->n_sets++;
	return s;
}

/** The set of the triple, made when there is none; NULL when none is left. */
static struct port_set *
set_get(struct port_table *t, uint32_t slot, const struct conn_ident *id,
		const struct ip_addr *raddr6)
{
	const uint32_t i = *set_link(t, slot, id, raddr6);
	struct port_set *s;

	if (i != PTCP_NIL)
		return &t->set[i];
	s = set_alloc(t);
	if (s == NULL)
		return NULL;
	s->raddr6 = addr_or_zero(raddr6);
	s->raddr = id->raddr;
	s->rport = id->rport;
	s->laddr = id->laddr;
	s->rotor = t->first + (start_of(t, id, raddr6) + t->slot[slot].gone) % range_len(t);
	s->next = t->slot[slot].head;
	t->slot[slot].head = (uint32_t)(s - t->set);
	return s;
}

size_t
port_size(const struct port_conf *conf)
{
	return sets_offset(conf->max_sets) + (size_t)conf->max_sets * sizeof(struct port_set);
}

struct port_table *
port_init(void *mem, const struct port_conf *conf)
{
	struct port_table *t = mem;

	PTCP_ASSERT(conf->max_sets >= 1 && conf->max_sets <= 65536);
	PTCP_ASSERT(conf->first >= 1 && conf->last >= conf->first);
	memset(t, 0, sizeof(*t));
	t->key = conf->key;
	t->set = (struct port_set *)(void *)((uint8_t *)mem + sets_offset(conf->max_sets));
	t->max_sets = conf->max_sets;
	t->free = PTCP_NIL;
	t->first = conf->first;
	t->last = conf->last;
	t->slot_mask = slot_count(conf->max_sets) - 1;
	for (uint32_t w = 0; w < WORDS; w++)
		put_bit(t->open, w, range_mask(t, w) != 0);
	for (uint32_t i = 0; i <= t->slot_mask; i++)
		t->slot[i] = (struct port_slot){.head = PTCP_NIL};
	return t;
}

int
port_get(struct port_table *t, const struct conn_ident *id, const struct ip_addr *raddr6)
{
	const uint32_t slot = slot_of(t, id, raddr6);
	struct port_set *s = set_get(t, slot, id, raddr6);
	uint32_t port, step;

	if (s == NULL)
		return -ENOBUFS;
	if (s->n_free == 0)
		return -EADDRNOTAVAIL;
	port = next_free(t, s);
	mark(t, s, port, true);
	step = (port >= s->rotor ? 0 : range_len(t)) + port - s->rotor + 1;
	t->slot[slot].gone = (t->slot[slot].gone + step) % range_len(t);
	s->rotor = port < t->last ? port + 1 : t->first;
	return (int)port;
}

int
port_take(struct port_table *t, const struct conn_ident *id, const struct ip_addr *raddr6)
{
	struct port_set *s;

	if (id->lport == 0)
		return -EINVAL;
	s = set_get(t, slot_of(t, id, raddr6), id, raddr6);
	if (s == NULL)
		return -ENOBUFS;
	if (get_bit(s->used, id->lport))
		return -EADDRINUSE;
	mark(t, s, id->lport, true);
	return 0;
}

int
port_put(struct port_table *t, const struct conn_ident *id, const struct ip_addr *raddr6)
{
	uint32_t *link = set_link(t, slot_of(t, id, raddr6), id, raddr6);
	const uint32_t i = *link;

	if (i == PTCP_NIL || !get_bit(t->set[i].used, id->lport))
		return -ENOENT;
	mark(t, &t->set[i], id->lport, false);
	if (t->set[i].n_used == 0) {
		*link = t->set[i].next;
		t->set[i].next = t->free;
		t->free = i;
		t->n_sets--;
	}
	return 0;
}

uint32_t
port_count(const struct port_table *t)
{
	return t->n_used;
}

uint32_t
port_sets(const struct port_table *t)
{
	return t->n_sets;
}

/** The bits and counts of one set; with no port in use for a freed one. */
static const char *
check_set(const struct port_table *t, const struct port_set *s, bool in_use)
{
	uint32_t n_used = 0;
	uint32_t n_free = 0;

	for (uint32_t w = 0; w < WORDS; w++) {
		n_used += (uint32_t)__builtin_popcountll(s->used[w]);
		n_free += (uint32_t)__builtin_popcountll(free_ports(t, s, w));
		if (get_bit(s->open, w) != (free_ports(t, s, w) != 0))
			return "summary bit is not that of its word";
	}
	if (n_used != s->n_used)
		return "set: n_used is not the number of bits";
	if (n_free != s->n_free)
		return "set: n_free is not the number of free ports of the range";
	if ((n_used != 0) != in_use)
		return in_use ? "set in use without ports" : "freed set with ports";
	if (in_use && (s->rotor < t->first || s->rotor > t->last))
		return "rotor outside the range";
	return NULL;
}

/** All sets of one slot; adds to @p n_sets and @p n_used. */
static const char *
check_slot(const struct port_table *t, uint32_t slot, uint32_t *n_sets, uint32_t *n_used)
{
	if (t->slot[slot].gone >= range_len(t))
		return "slot has gone further than the range";
	for (uint32_t i = t->slot[slot].head; i != PTCP_NIL; i = t->set[i].next) {
		const struct port_set *s = &t->set[i];
		const struct conn_ident id = {
				.raddr = s->raddr, .rport = s->rport, .laddr = s->laddr};
		uint32_t same = t->slot[slot].head;
		const char *err;

		if (i >= t->n_touched || ++*n_sets > t->n_sets)
			return "chain leads astray";
		if (slot_of(t, &id, &s->raddr6) != slot)
			return "set in a wrong slot";
		while (!set_is(&t->set[same], &id, &s->raddr6))
			same = t->set[same].next;
		if (same != i)
			return "two sets of one triple";
		err = check_set(t, s, true);
		if (err != NULL)
			return err;
		*n_used += s->n_used;
	}
	return NULL;
}

const char *
port_check(const struct port_table *t)
{
	uint32_t n_sets = 0;
	uint32_t n_used = 0;
	uint32_t n_free = 0;
	const char *err;

	for (uint32_t slot = 0; slot <= t->slot_mask; slot++) {
		err = check_slot(t, slot, &n_sets, &n_used);
		if (err != NULL)
			return err;
	}
	if (n_sets != t->n_sets || n_used != t->n_used)
		return "counts of sets and ports are not what the slots hold";
	for (uint32_t i = t->free; i != PTCP_NIL; i = t->set[i].next) {
		if (i >= t->n_touched || ++n_free > t->n_touched - t->n_sets)
			return "list of free sets leads astray";
		err = check_set(t, &t->set[i], false);
		if (err != NULL)
			return err;
	}
	if (n_free != t->n_touched - t->n_sets)
		return "a set is lost";
	return NULL;
}
