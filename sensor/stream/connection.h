/* What the files of stream/ share: a connection's two halves, and the window of bytes kept for a
 * half.
 *
 * A half is one direction of a TCP connection, named by its sender. `next` is the sequence number
 * the application is waiting for, `offset` the same place counted in stream bytes from the first:
 *
 *       kept with    kept while               held until the hole is
 *       its message  unacknowledged           filled or given up
 *      |============|=================|......|#########|....|####|------------
 *   message_from  tail_from         offset  first_held      held_end
 *                                   (next)
 *
 * In-order bytes pass to the sink from the frame. Of a content half the unacknowledged ones are
 * also copied into the window's pages (the tail), so that a second copy with other bytes is noticed
 * exactly; an acknowledged byte cannot be changed any more. Before the tail stand the bytes of the
 * message it belongs to, as long as all of them are there: they begin the other reading when copies
 * differ (other.c). They are the first to go when memory is short. Early bytes wait in the same pages, one
 * bit a byte saying which are there: whatever the order and size of segments, taking one costs its
 * length, and a page holds a thousand one-byte segments. */
#ifndef DLP_STREAM_CONNECTION_H
#define DLP_STREAM_CONNECTION_H

#include "fold.h"
#include "stream.h"

#define PAGE_SHIFT 11
#define PAGE_BYTES (1u << PAGE_SHIFT)
#define INLINE_SLOTS 8
#define SLOTS_MAX 4096             /* a window reaches 8 MiB */
#define TAIL_MAX (64u * 1024)      /* delivered, unacknowledged bytes kept for comparison */
#define TAIL_ONE_SIDED (8u * 1024) /* of them when no acknowledgement was ever captured */
#define MESSAGE_MAX (4096u * 1024) /* of a message kept whole, acknowledged or not */
#define RANKS 16
#define WAITS_MAX 8 /* segments farther ahead do not wait */

struct link {
    struct link *next, *prev;
};

#define LINK_OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void link_init(struct link *l)
{
    l->next = l->prev = l;
}

static inline void link_remove(struct link *l)
{
    l->next->prev = l->prev;
    l->prev->next = l->next;
    link_init(l);
}

static inline void link_append(struct link *list, struct link *l)
{
    l->prev = list->prev;
    l->next = list;
    list->prev->next = l;
    list->prev = l;
}

static inline bool link_alone(const struct link *l)
{
    return l->next == l;
}

struct page {
    uint64_t
        present[PAGE_BYTES / 64]; /* of early bytes; those before `offset` are not looked up here */
    uint8_t data[PAGE_BYTES];
};

/* A segment a receiver would drop, if all is as it seems: set aside until the other side
 * acknowledges the range (then it was taken after all) or a sound copy arrives. */
struct doubt {
    struct doubt *next;
    uint64_t offset;
    enum evasion reason;
    struct buffer bytes;
};

/* What is held from there on answers bytes of the other side that were not seen yet: those before `ack`. */
struct wait {
    uint64_t from;
    uint32_t ack;
};

struct connection;

struct window {
    struct connection *connection;
    struct flow *flow;
    enum side side;
    uint8_t rank; /* log2 of pages + 1 while early bytes are held, else 0 */
    uint16_t doubt_count;
    uint32_t doubt_bytes;
    uint32_t slot_count, pages;
    uint32_t held;                 /* early bytes */
    uint64_t first_page, end_page; /* of the slots in use */
    uint64_t tail_from;
    uint64_t message_from; /* where the message at hand begins, if `whole`: all since then is kept */
    uint64_t next_message; /* where the next one begins, if `over`: when the tail has passed it */
    struct window *other;  /* the other reading: from its tail_from on, what was not handed on yet */
    bool whole, over;
    uint8_t wait_count;
    struct wait wait[WAITS_MAX]; /* in order of `from` */
    uint64_t first_held, held_end; /* while held */
    int64_t hole_since_ns, hole_check_ns;
    int64_t kept_ns; /* when bytes were last copied into the tail */
    struct doubt *doubts;
    struct page **slots; /* ring by page number */
    struct buffer slot_buffer;
    struct link by_age, by_rank, by_hole;
    struct page *inline_slots[INLINE_SLOTS];
};

enum half_flags {
    HALF_ANCHORED = 0x01, /* next is known */
    HALF_LOOSE = 0x02,    /* but only from an acknowledgement or a segment without payload: data may
                             correct it */
    HALF_FIRM = 0x04,     /* acknowledged by the other side, or data fitted */
    HALF_ACKED = 0x08,    /* acked and edge are known */
    HALF_SYN = 0x10,      /* its SYN was seen */
    HALF_PLAIN = 0x20,    /* and carried no signature option */
    HALF_ECHOED = 0x40,   /* ts_recent is known */
    HALF_FIN = 0x80,      /* fin is known */
    HALF_ENDED = 0x100,   /* the sink was told */
    HALF_LATE = 0x200,    /* gap_len is known */
    HALF_MESSAGE_OVER = 0x400 /* without a window: the next byte begins a message */
};

struct half {
    struct window *window; /* while bytes are kept */
    uint64_t offset;
    uint32_t next;
    uint32_t acked;     /* the other side's highest acknowledgement */
    uint32_t edge;      /* right edge of the window it offered */
    uint32_t span;      /* the size of that window */
    uint32_t fin;       /* sequence number of the FIN */
    uint32_t ts_recent; /* highest timestamp the other side echoed: the receiver's TS.Recent (RFC
                           7323) */
    uint32_t gap_end;   /* the last gap given: late bytes for it are no copies of anything */
    uint32_t gap_len;
    uint32_t dropped; /* early bytes let go for want of memory: no loss of the capture's */
    uint16_t flags;
    uint8_t scale;     /* of the windows this half's sender offers */
    uint8_t wild;      /* segments in a row that were out of reach */
    uint8_t wild_acks; /* acknowledgements in a row of more than the window that was offered */
    uint8_t ttl;       /* of its sender's first packet; 1 when others were acknowledged as well */
};

struct connection {
    struct half half[2];
    uint8_t reset;  /* 1 + the side whose reset was accepted */
    uint8_t in_use; /* its bytes are being handed out: not to be shed */
    bool lingers;
};

struct streams {
    struct mem *mem;
    struct counters *counters;
    struct flow_table *table;
    struct stream_sink sink;
    struct pool *connections, *windows, *pages, *doubts;
    struct buffer_heap *heap;
    struct folds *folds;        /* connections at rest */
    size_t page_count;          /* out, over all windows */
    size_t tail_pages_max;      /* beyond so many no tail grows unless the oldest goes */
    struct link by_age;         /* windows, the longest untouched first */
    struct link by_rank[RANKS]; /* windows that hold early bytes, by size */
    struct link by_hole;        /* the same, by the time to look at their hole */
    int64_t now_ns;             /* on the flow table's clock */
    uint32_t tally[FATE_COUNT]; /* of the packet at hand */
};

static inline int64_t half_offset_of(const struct half *half, uint32_t seq)
{
    return (int64_t)half->offset + (int32_t)(seq - half->next);
}

static inline int64_t half_acked_offset(const struct half *half)
{
    return half->flags & HALF_ACKED ? half_offset_of(half, half->acked) : 0;
}

/* The other direction was never captured. */
static inline bool one_sided(const struct flow *flow, enum side side)
{
    return flow->packets[side_other(side)] == 0;
}

static inline void book(struct streams *s, enum fate fate, uint64_t bytes)
{
    fate_add(s->counters, fate, bytes);
    s->tally[fate] += (uint32_t)bytes;
}

/* rest.c: flow->stream is the fold of a connection at rest, tagged. Copies it to `c` and drops it. */
void connection_unfold(struct streams *s, struct flow *flow, struct connection *c);

/* pages.c: the bytes of a window. */
struct window *window_get(struct streams *s, struct connection *c, struct flow *flow,
                          enum side side);
void window_free(struct streams *s,
                 struct window *w); /* held bytes must be booked elsewhere first */
struct page *window_page(const struct window *w, uint64_t number);
enum page_result { PAGE_OK, PAGE_REFUSED, PAGE_OUT_OF_REACH };
/* Makes the page exist. `spare` refuses rather than take memory from others. */
enum page_result window_need_page(struct streams *s, struct window *w, uint64_t number, bool spare);
void window_release_before(struct streams *s, struct window *w, uint64_t offset);
/* Copies delivered bytes into the tail; a refusal only shortens it. */
/* Where what is kept begins. */
uint64_t window_floor(const struct window *w);
/* Gives up the bytes kept before the tail; true when a page came free. */
bool window_forget_message(struct streams *s, struct window *w);
/* As window_insert, but these bytes count and not those that were there. */
bool window_overwrite(struct streams *s, struct window *w, uint64_t offset, const uint8_t *data,
                      size_t len);
void window_keep_tail(struct streams *s, struct window *w, uint64_t offset, const uint8_t *data,
                      size_t len);
bool window_tail_equals(const struct window *w, uint64_t offset, const uint8_t *data, size_t len);
bool window_has_early(const struct window *w, uint64_t offset, size_t len);
struct insertion {
    uint32_t
        taken; /* bytes of the segment looked at; fewer than given when memory or reach ended */
    uint32_t fresh;                /* of them new */
    bool differs;                  /* some known byte has another value */
    uint64_t known_from, known_to; /* first and last known byte, as a range; equal when none */
    enum page_result stopped;
};
void window_insert(struct streams *s, struct window *w, uint64_t offset, const uint8_t *data,
                   size_t len, struct insertion *done);
/* The run of early bytes that begins at `offset`, within one page; 0 when there is none. */
size_t window_run(const struct window *w, uint64_t offset, const uint8_t **data);
void window_find_held(struct window *w, uint64_t from); /* sets first_held */
void window_drop_early(struct streams *s,
                       struct window *w); /* forgets early bytes, booked by the caller */
void window_rank(struct streams *s, struct window *w);

/* segment.c: one segment's bytes. */
struct segment {
    const uint8_t *data;
    uint32_t len;
    uint32_t cut; /* bytes after them that the snap length left out */
    uint32_t seq;
    bool waits; /* it acknowledges what was not seen yet: */
    uint32_t ack;
};
void segment_take(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                  struct segment segment);
void segment_pass(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                  struct segment segment); /* opaque: counted, not read */
/* Hands on what is there and does not wait for the other side. */
void half_drain(struct streams *s, struct connection *c, struct flow *flow, enum side side);
/* These were sent and not captured. */
void half_lost(struct streams *s, struct connection *c, struct flow *flow, enum side side,
               uint64_t len);
/* They will not be handed on, whatever the reason. */
void half_gap(struct streams *s, struct connection *c, struct flow *flow, enum side side,
              uint64_t len);
void half_forget(struct streams *s, struct half *half, struct flow *flow, enum side side,
                 enum fate fate);
void half_trim(struct streams *s, struct half *half,
               struct flow *flow); /* lets acknowledged bytes go */
/* Shows the reading that was not delivered; returns the fate of its bytes. */
enum fate report_conflict(struct streams *s, struct flow *flow, enum side side, uint64_t offset,
                          const uint8_t *data, size_t len);

/* doubt.c: segments set aside. */
void doubt_add(struct streams *s, struct connection *c, struct flow *flow, enum side side,
               struct segment segment, enum evasion reason);
/* A sound copy arrived: judges the doubtful ones of its range. */
void doubt_compare(struct streams *s, struct flow *flow, enum side side, struct window *w,
                   uint64_t offset, const uint8_t *data, size_t len);
/* Takes a doubtful segment that fits at next after all; false when there is none. */
bool doubt_accept(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                  bool last);
bool doubt_has_room(const struct half *half, uint32_t len);
void doubt_free_all(struct streams *s, struct window *w);

/* other.c: the other reading of a side whose copies differ. */
/* Takes a copy that differs into the other reading, which begins with the first of them. False when
 * there can be none: the message's bytes are not all kept, or memory refuses. */
bool other_take(struct streams *s, struct flow *flow, enum side side, uint64_t offset,
                const uint8_t *data, size_t len);
/* Delivered bytes: the other reading has them too where no copy differed. */
void other_follow(struct streams *s, struct window *w, uint64_t offset, const uint8_t *data,
                  size_t len);
/* Hands on what comes before `to`. */
void other_hand_on(struct streams *s, struct window *w, uint64_t to);
void other_gap(struct streams *s, struct window *w, uint64_t from, uint64_t len); /* the first has one */
void other_end(struct streams *s, struct window *w, enum stream_end how);
void other_drop(struct streams *s, struct window *w);

/* hole.c: when a missing range is given up, and what is let go under memory pressure. */
void hole_settle(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                 bool last);
bool hole_jump(struct streams *s, struct connection *c, struct flow *flow, enum side side,
               int64_t offset);
/* Frees something: the tail longest untouched, or with `rank` the early bytes of the largest holder
 * of at least that rank. False when there is nothing of the kind. */
bool window_shed(struct streams *s, unsigned rank);
void hole_begins(struct streams *s, struct window *w);

/* tcp.c: flags, sequence numbers, the end of connections. */
void tcp_packet(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                const struct packet *packet);
void tcp_close(struct streams *s, struct connection *c,
               struct flow *flow); /* tells of ends that are certain */
void tcp_finish(struct streams *s, struct connection *c, struct flow *flow);
/* Whether the other side would refuse a segment that begins there. */
bool tcp_beyond_window(const struct half *half, uint32_t seq);

#endif
