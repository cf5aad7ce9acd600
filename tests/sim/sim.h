/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file The simulator: two cores of the real library in one process, in virtual time, joined by a seeded link, driven by
 * seeded applications and troubled by seeded faults. A world is one such pair with its own configuration and some
 * hundreds of connections; everything in it follows from its seed.
 */
#ifndef PTCP_TESTS_SIM_SIM_H
#define PTCP_TESTS_SIM_SIM_H

#include <setjmp.h>
#include <stdio.h>

#include "random.h"
#include "tcp/tcp.h"
#include "wire/tcp_hdr.h"

#define SIM_ENDS      2
#define SIM_ADDRS     4     /**< addresses of each end */
#define SIM_PORTS     4     /**< ports that each end listens on, from SIM_PORT on */
#define SIM_PORT      61000 /**< the first of them */
#define SIM_PORT_BOTH 40000 /**< ports of simultaneous opens begin here, above all ephemeral ones */
#define SIM_RX_MAX    4096  /**< frames that wait for an end */
#define SIM_HOLDS_MAX 8     /**< pools that a fault may empty */
#define SIM_HEADROOM  104   /**< in front of a frame's payload: IPv6 and the longest TCP header */
#define SIM_CHAINS    1024
#define SIM_PPM       1000000u
#define SIM_NEVER     UINT64_MAX

/** What kind of trouble a world is about. */
enum sim_scenario {
#define SCENARIO(name, key, weight, text) SIM_##name,
#include "scenario.def"
#undef SCENARIO
	SIM_SCENARIO_MAX
};

/** What is counted over all worlds. */
enum sim_stat {
#define STAT(name, key, text) SIM_STAT_##name,
#include "stat.def"
#undef STAT
	SIM_STAT_MAX
};

/* ------------------------------------------------------------------ configuration of a world */

/** One direction of the link. Shares are in millionths, times in microseconds. */
struct sim_link_conf {
	uint32_t loss;       /**< independent losses */
	uint32_t burst_loss; /**< share lost in the bad state (Gilbert-Elliott); 0: no bad state */
	uint32_t good_us;    /**< mean stay in each state */
	uint32_t bad_us;
	uint32_t duplicate;
	uint32_t corrupt;
	uint32_t late; /**< share that is late_us late, and so is overtaken */
	uint32_t late_us;
	uint32_t delay_us;
	uint32_t jitter_us;
	bool ordered;       /**< jitter does not let frames overtake each other */
	bool icmp;          /**< what is too big is told to its sender; false: a black hole */
	uint32_t rate_kbit; /**< 0: infinite */
	uint32_t queue;     /**< bytes that wait for the link at most */
	uint32_t mark;      /**< CE is set when more than so many bytes wait; 0: never */
	uint32_t mtu_us;    /**< mean time from one MTU to the next; 0: it stays */
	uint16_t mtu_min;
	uint16_t mtu_max;
	uint32_t dark_every_us; /**< mean time from one blackout to the next; 0: none */
	uint32_t dark_us;
};

/** Faults of an end. A kind is off when its mean distance is 0. */
struct sim_fault_conf {
	uint32_t every_us; /**< mean distance of faults */
	uint32_t hold_us;  /**< how long one lasts at most */
	uint32_t kinds;    /**< bits: enum sim_fault */
};

enum sim_fault {
	SIM_FAULT_POOLS, /**< one pool in turn is empty */
	SIM_FAULT_NO_OWNER, /**< payload comes without an owner: it must be copied to be kept, if that is possible */
	SIM_FAULT_NO_TX,   /**< output is not pulled */
	SIM_FAULT_STALL,   /**< this end is not polled, its clock goes on */
	SIM_FAULT_SUSPEND, /**< both ends are not polled */
	SIM_FAULT_MAX
};

struct sim_end_conf {
	struct tcp_conf tcp;
	struct tcp_profile profile;
	time_us_t offset;  /**< its clock at the world's time 0 */
	uint32_t poll_us;  /**< least distance of two polls: what came meanwhile makes a burst */
	uint32_t burst;    /**< frames taken by a poll */
	uint32_t tx_burst; /**< segments pulled by a poll */
	uint32_t budget;   /**< of tcp_advance() */
	uint32_t rx_max;   /**< frames that wait at most, the rest is lost */
	struct sim_fault_conf fault;
};

struct sim_conf {
	uint64_t seed;
	enum sim_scenario scenario;
	enum ip_family family;
	uint32_t n_conns;
	uint32_t alive_max;   /**< at once */
	uint32_t gap_us;      /**< mean time from one open to the next */
	uint32_t bytes_max;   /**< of one direction of one connection */
	uint32_t write_max;   /**< bytes of one write */
	uint32_t read_gap_us; /**< of slow readers, at most */
	uint32_t pause_us;
	uint32_t slow;     /**< share of slow readers */
	uint32_t rude;     /**< share of applications that abort or close early */
	uint32_t together; /**< share of simultaneous opens */
	uint32_t wire;     /**< share of segments that pass the wire format */
	struct sim_end_conf end[SIM_ENDS];
	struct sim_link_conf link[SIM_ENDS]; /**< [i]: what end i sends */
	uint64_t bulk; /**< not 0: end 0 opens and sends so many bytes, nobody does anything else */
	time_us_t bulk_us;     /**< or as many as go in this time */
	bool fair;             /**< whoever behaves must come to an orderly end */
	time_us_t patience_us; /**< the longest silence that anybody bears */
};

/* ------------------------------------------------------------------ buffers and frames */

/** Memory with a reference count: what the applications send, and each frame on the link. */
struct sim_buf {
	uint32_t refs;
	uint32_t size; /**< bytes of data */
	struct sim_buf *next;
	struct tcp_seg seg; /**< a frame: as it was sent; payload lies in data */
	time_us_t sent;
	uint32_t conn;    /**< number of the connection, UINT32_MAX: unknown */
	uint16_t hdr_len; /**< of the headers in front of data, 0: not in wire format */
	uint16_t mtu;     /**< an ICMP message: seg is what it quotes */
	uint16_t ip_id;
	uint8_t to;
	bool corrupt;
	uint8_t room[SIM_HEADROOM];
	uint8_t data[];
};

struct sim_buf *sim_buf_new(uint32_t size);
/** Buffers alive in this process, but for the one that copies of received text go to. */
uint64_t sim_bufs(void);
/** Give that one back. */
void sim_copies_end(void);

/* ------------------------------------------------------------------ applications */

/** When an application ends its direction. */
enum sim_habit {
	SIM_FIRST, /**< as soon as all is queued; goes on reading */
	SIM_LAST,  /**< when the peer has */
	SIM_CLOSE, /**< closes both directions as soon as all is queued, read or not */
	SIM_ABORT, /**< aborts at some time */
};

struct sim_conn;

/** One side of a connection. */
struct sim_app {
	struct sim_conn *conn;
	uint64_t rng;
	uint64_t handle;
	uint64_t pattern; /**< key of what it sends */
	uint8_t end;
	uint8_t habit;
	uint8_t reason;
	uint8_t told; /**< EV_* so far */
	bool alive;   /**< has a connection */
	bool ended;   /**< was told of its end */
	bool waiting; /**< for EV_WRITABLE */
	bool shut;    /**< has ended its direction */
	bool closes;  /**< by tcp_close(), not tcp_shutdown() */
	bool appends; /**< sends by tcp_send_grown() where it can */
	bool nodelay;
	uint8_t starved; /**< how often it met -ENOBUFS of late */
	uint8_t pauses;  /**< left */
	uint32_t iss;
	uint32_t irs;
	uint32_t to_send;
	uint32_t sent;
	uint32_t received;
	uint32_t ahead; /**< sends no more than so much beyond what it has received; UINT32_MAX: all */
	uint32_t write_max;
	uint32_t pause_at;  /**< bytes sent */
	uint32_t read_step; /**< bytes a turn of a slow reader; 0: all at once */
	uint32_t read_gap_us;
	time_us_t read_at; /**< world's time, as the following */
	time_us_t write_at;
	time_us_t abort_at;
	time_us_t close_at; /**< loses its patience after a half-close */
	time_us_t tick;     /**< looks again at */
	time_us_t queued;   /**< tick that stands in the heap */
	struct sim_app *next_due;
	struct sim_buf *tail; /**< of the last write, for appending; only compared */
	bool due;
};

struct sim_conn {
	uint32_t id;
	bool used;
	bool together; /**< both ends open */
	uint8_t opener;
	uint16_t laddr[SIM_ENDS];
	uint16_t port[SIM_ENDS];
	time_us_t start;
	time_us_t bound;       /**< must have ended by then: see sim_bound() */
	time_us_t slept;       /**< sim_world.slept when it was opened */
	struct sim_conn *next; /**< in its chain, or free */
	struct sim_app app[SIM_ENDS];
};

/* ------------------------------------------------------------------ ends */

/** A TIME-WAIT record, to see it last exactly 2MSL. */
struct sim_tw {
	struct conn_ident id;
	struct ip_addr raddr;
	time_us_t due; /**< end's time */
	uint32_t hash;
	bool seen; /**< it was there when its time came */
	bool gone; /**< restarted or re-used since, or over */
};

/** A pool, and what a fault keeps of it. */
struct sim_hold {
	const char *name;
	struct pool *pool;
	uint32_t n;    /**< objects of the free list kept, and one; 0: no fault */
	uint32_t head; /**< their list */
	uint32_t size; /**< the pool's true one */
	uint32_t shown;
};

struct sim_end {
	struct tcp_ctx *ctx;
	void *mem;
	struct laddr_table laddr;
	struct counters counters;
	struct ip_addr addr[SIM_ADDRS];
	uint8_t profile;
	time_us_t poll_at; /**< world's time */
	time_us_t ready_at;
	uint64_t polls;
	time_us_t polled_at; /**< world's time of the turn */
	uint32_t idle; /**< polls one soon after the other that did nothing but expire timers */
	time_us_t last_poll;
	uint64_t moved; /**< frames, events and segments so far */
	struct sim_buf *rx[SIM_RX_MAX];
	uint32_t rx_head, rx_tail;
	struct sim_app *due; /**< applications to run at the next poll */
	struct sim_app **due_tail;
	/* by TCB index */
	uint8_t *state;
	uint64_t *stamp; /**< poll in which it was touched last */
	uint32_t *touched;
	uint32_t n_touched;
	/* TIME-WAIT, oldest first */
	struct sim_tw *tw;
	uint64_t tw_head, tw_tail;
	uint32_t tw_size;                    /**< a power of two */
	uint64_t tw_in, tw_again, tw_reused; /**< counters before a segment */
	/* faults */
	struct sim_hold hold[SIM_HOLDS_MAX];
	uint32_t n_holds;
	uint32_t next_fault;
	uint32_t next_pool;
	time_us_t tx_at; /**< no output before */
	time_us_t no_owner_until;
	uint32_t copies_left; /**< until then, copies of received text that there is memory for */
	time_us_t stall_until;
};

/* ------------------------------------------------------------------ the world */

enum sim_event_kind {
	SIM_EV_FRAME,
	SIM_EV_ICMP,
	SIM_EV_APP,
	SIM_EV_OPEN,
	SIM_EV_FAULT,
	SIM_EV_RELEASE,
};

struct sim_event {
	time_us_t when;
	uint32_t order; /**< of equal times the first entered goes first */
	uint8_t kind;
	uint8_t end;
	void *what;
};

struct sim_link {
	time_us_t busy_until;
	time_us_t last_arrival;
	time_us_t state_until; /**< Gilbert-Elliott */
	time_us_t dark_from;
	time_us_t dark_until;
	time_us_t mtu_until;
	bool bad;
	uint16_t mtu;
};

/** Sums over worlds: no order of worlds changes them. */
struct sim_result {
	uint64_t stat[SIM_STAT_MAX];
	uint64_t state[TCP_STATE_MAX];
	uint64_t reason[TCP_REASON_MAX];
	uint64_t scenario[SIM_SCENARIO_MAX];
	uint64_t digest;      /**< over all that was sent, and when */
	uint64_t virtual_us;  /**< time that passed in the worlds */
	uint64_t longest_us;  /**< life of a connection */
	uint64_t nearest_ppm; /**< to its deadline */
	uint64_t read_us;     /**< world's time of the last byte read */
	struct counters counters;
};

struct sim_trace;

struct sim_world {
	struct sim_conf conf;
	uint64_t rng_link;
	uint64_t rng_world;
	uint64_t rng_fault;
	time_us_t now;
	struct sim_end end[SIM_ENDS];
	struct sim_link link[SIM_ENDS];
	struct sim_event *heap;
	uint32_t n_heap, heap_size;
	uint32_t order;
	struct sim_conn *conn; /**< alive_max of them */
	struct sim_conn *free;
	struct sim_conn *chain[SIM_CHAINS]; /**< of the connections by port */
	uint32_t n_started;
	uint32_t n_alive;
	uint32_t n_together;
	time_us_t slept; /**< time so far in which neither end was polled: SIM_FAULT_SUSPEND */
	time_us_t slept_until;
	uint16_t ip_id;
	bool open_queued;
	uint64_t steps;
	uint64_t bufs_at_start;
	struct sim_result *result;
	struct sim_trace *trace;
	jmp_buf failed;
	char failure[512];
	bool verbose;
};

/** What runs one world. */
struct sim_job {
	uint64_t seed;
	int scenario;     /**< -1: what the seed says */
	uint32_t n_conns; /**< at most */
	struct sim_trace *trace;
	bool verbose; /**< tell all about a failure */
};

/**
 * Run one world and add to @p result.
 * @param failure  of @p size bytes: which invariant broke, where and when
 * @return whether all held
 */
bool sim_run(const struct sim_job *job, struct sim_result *result, char *failure, size_t size);

/** The same with a configuration that the caller made. */
bool sim_run_conf(const struct sim_conf *conf, const struct sim_job *job, struct sim_result *result,
		char *failure, size_t size);

/** Give up the world: the invariant @p text is broken. Does not return. */
void sim_fail(struct sim_world *w, const char *file, int line, const char *format, ...)
		__attribute__((noreturn, format(printf, 4, 5)));

#define SIM_REQUIRE(w, condition)                                                                  \
	do {                                                                                       \
		if (PTCP_UNLIKELY(!(condition)))                                                   \
			sim_fail((w), __FILE__, __LINE__, "%s", #condition);                       \
	} while (0)

#define SIM_FAIL(w, ...) sim_fail((w), __FILE__, __LINE__, __VA_ARGS__)

static inline void
sim_count(struct sim_world *w, enum sim_stat stat)
{
	w->result->stat[stat]++;
}

/** The clock of end @p i at the world's time @p t. */
static inline time_us_t
sim_end_time(const struct sim_world *w, unsigned int i, time_us_t t)
{
	return w->conf.end[i].offset + t;
}

/** When @p c is overdue: what both ends have slept through since it was opened does not count. */
static inline time_us_t
sim_bound(const struct sim_world *w, const struct sim_conn *c)
{
	return c->bound == SIM_NEVER ? SIM_NEVER : c->bound + w->slept - c->slept;
}

/* draw.c: what a seed means */

/** The configuration of world @p seed. @param scenario -1: what the seed says */
void sim_draw(struct sim_conf *conf, uint64_t seed, int scenario);
/** Connections of world @p seed, as sim_draw() says. */
uint32_t sim_draw_conns(uint64_t seed, int scenario);
/** A configuration without any trouble, for sim_run_conf(). */
void sim_conf_plain(struct sim_conf *conf, uint64_t seed);
const char *sim_scenario_key(unsigned int scenario);
const char *sim_scenario_text(unsigned int scenario);
void sim_conf_print(const struct sim_conf *conf, FILE *out);

/** A random number in [@p low, @p high]. */
static inline uint32_t
sim_range(uint64_t *rng, uint32_t low, uint32_t high)
{
	return low + random_below(rng, high - low + 1);
}

/** True in @p share of @p SIM_PPM cases. */
static inline bool
sim_chance(uint64_t *rng, uint32_t share)
{
	return share != 0 && random_below(rng, SIM_PPM) < share;
}

/** A random number in [@p low, @p high], each order of magnitude as likely as the others; @p low is above 0. */
uint32_t sim_scale(uint64_t *rng, uint32_t low, uint32_t high);

/** A time with mean @p mean, at most eight times that. */
uint32_t sim_wait(uint64_t *rng, uint32_t mean);

/* event.c */
void sim_event_push(struct sim_world *w, time_us_t when, enum sim_event_kind kind, unsigned int end,
		void *what);
struct sim_event sim_event_pop(struct sim_world *w);

/* link.c, wire.c */
/** Hand @p frame (its reference too) to the link: filled are seg, its payload, conn. */
void sim_link_send(struct sim_world *w, unsigned int from, struct sim_buf *frame);
void sim_link_start(struct sim_world *w);
/** Write the headers of @p frame in front of its payload; all checksums are right. @return their length */
uint16_t sim_wire_build(struct sim_buf *frame);
/** Flip bits that a checksum must notice. */
void sim_wire_corrupt(struct sim_world *w, struct sim_buf *frame);
/** Parse @p frame again into @p seg, which must be the same segment. @return false: it is corrupt, and was noticed */
bool sim_wire_parse(struct sim_world *w, struct sim_buf *frame, struct tcp_seg *seg);
/** Bytes of the frame's IP packet. */
uint32_t sim_frame_len(const struct sim_buf *frame);

/* app.c */
void sim_app_plan(struct sim_world *w, struct sim_conn *c);
/** Whatever application @p app can do now, inside a poll of its end. */
void sim_app_run(struct sim_world *w, struct sim_app *app);
void sim_app_event(struct sim_world *w, unsigned int end, uint32_t index, uint8_t events);
/** Ask for a run at @p when. */
void sim_app_at(struct sim_world *w, struct sim_app *app, time_us_t when);
/** Whether [@p data, @p data + @p len) is what @p app says from @p offset on. */
bool sim_pattern_is(const struct sim_app *app, uint32_t offset, const uint8_t *data, uint32_t len);
void sim_pattern_fill(const struct sim_app *app, uint32_t offset, uint8_t *data, uint32_t len);

/* conn.c */
/** Open as many connections as there is room for now. */
void sim_conn_open(struct sim_world *w);
/** The connection of the passive end's tuple, NULL: none that still has an opener. */
struct sim_conn *sim_conn_find(const struct sim_world *w, unsigned int opener,
		const struct conn_ident *id, const struct ip_addr *raddr);
/** Application @p app was told of its end. */
void sim_conn_app_ended(struct sim_world *w, struct sim_app *app, uint8_t reason);

/* end.c, check.c, fault.c */
/** The end whose context is @p ctx. */
struct sim_end *sim_end_of(const struct tcp_ctx *ctx);
void sim_end_start(struct sim_world *w, unsigned int i);
void sim_end_poll(struct sim_world *w, unsigned int i);
/** A frame has come for end @p i. */
void sim_end_receive(struct sim_world *w, unsigned int i, struct sim_buf *frame);
/** Poll end @p i at @p when, or as soon after it as it can be. */
void sim_end_wake(struct sim_world *w, unsigned int i, time_us_t when);
/** Everything must have been given back. */
void sim_end_finish(struct sim_world *w, unsigned int i);
/** Free its memory, whatever state it is in. */
void sim_end_free(struct sim_world *w, unsigned int i);
/** TCB @p index may have changed: it is checked at the end of the poll. */
void sim_touch(struct sim_world *w, unsigned int i, uint32_t index);
void sim_check_touched(struct sim_world *w, unsigned int i);
void sim_check_all(struct sim_world *w, unsigned int i);
/** A segment is sent by (or, @p index PTCP_NIL, without) a TCB: nothing in it may go beyond what it may say. */
void sim_check_sent(
		struct sim_world *w, unsigned int i, const struct sim_buf *frame, uint32_t index);
/** Before and after a segment arrives: TIME-WAIT records that come, restart and go. */
void sim_tw_before(struct sim_world *w, unsigned int i);
void sim_tw_after(struct sim_world *w, unsigned int i, const struct tcp_seg *seg,
		const struct conn_key *key);
/** Around tcp_advance(): which records must still be there, and which must be gone. */
void sim_tw_expire(struct sim_world *w, unsigned int i, bool advanced);
/** No record is left. */
void sim_tw_finish(struct sim_world *w, unsigned int i);
void sim_fault_start(struct sim_world *w, unsigned int i);
void sim_fault_begin(struct sim_world *w, unsigned int i);
void sim_fault_release(struct sim_hold *hold);
/** Show the pool as it is, for checks that count, and hide again what a fault keeps. */
void sim_fault_show(struct sim_hold *hold);
void sim_fault_hide(struct sim_hold *hold);

/* trace.c */
struct sim_trace *sim_trace_open(const char *path, unsigned int end, char *err, size_t err_size);
/** @p frame passed the interface of end @p end at the world's time @p when. */
void sim_trace_frame(
		struct sim_trace *t, unsigned int end, time_us_t when, const struct sim_buf *frame);
bool sim_trace_close(struct sim_trace *t, char *err, size_t err_size);

/* grid.c */
/** The golden grid of goodput: measure, print, compare with @p path. @return exit status */
int sim_grid(const char *path, bool update, unsigned int jobs);

/* report.c */
void sim_result_add(struct sim_result *sum, const struct sim_result *r);
void sim_report(const struct sim_result *r, double seconds, FILE *out);
bool sim_report_json(const struct sim_result *r, uint64_t seed, double seconds, const char *path);

#endif
