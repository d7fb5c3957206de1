/* rcp, and scp's old protocol, over a connection that is not encrypted: rsh (port 514, after its own four
 * strings), netcat, or any other pipe. The source says "C0644 310 name", a line, then the file's bytes and a zero
 * byte; directories are entered and left by D and E, times said by T. The other side answers each step with a zero
 * byte. */
#include <string.h>

#include "app.h"
#include "line.h"

enum rcp_stage { RCP_SHELL, RCP_LINE, RCP_BYTES, RCP_END, RCP_OTHER };

#define SHELL_STRINGS 4 /* port of the error channel, both users, the command */

struct rcp {
    enum side source;
    enum rcp_stage stage;
    unsigned strings; /* of the shell's, how many were read */
    struct line line;
    uint64_t left, files;
    struct object *object;
};

/* "C" or "D", a mode in octal, a size, a name; or "T" and four numbers. */
static bool is_line(const char *p, size_t len, uint64_t *size, struct text *name)
{
    size_t at = 1;
    if (!len || (p[0] != 'C' && p[0] != 'D' && p[0] != 'T'))
        return false;
    while (at < len && p[at] >= '0' && p[at] <= '9')
        at++;
    if (at < 2 || at == len || p[at++] != ' ')
        return false;
    size_t digits = at;
    for (*size = 0; at < len && p[at] >= '0' && p[at] <= '9' && at - digits < 18; at++)
        *size = *size * 10 + (uint64_t)(p[at] - '0');
    if (at == digits || at + 1 >= len || p[at++] != ' ')
        return false;
    *name = (struct text){p + at, len - at};
    return true;
}

/* How many of the bytes are the shell's strings; 0 when they are none, or not all there. */
static size_t shell_strings(const uint8_t *p, size_t len, bool *more)
{
    size_t at = 0;
    const uint8_t *command = p;
    *more = true;
    while (at < len && p[at] >= '0' && p[at] <= '9' && at < 6)
        at++;
    if (at < len && p[at]) {
        *more = false;
        return 0;
    }
    at = 0;
    for (unsigned i = 0; i < SHELL_STRINGS; i++) {
        const uint8_t *end = at < len ? memchr(p + at, 0, len - at) : NULL;
        if (!end)
            return 0;
        command = p + at;
        at = (size_t)(end - p) + 1;
    }
    *more = false;
    if (at - (size_t)(command - p) <= 4 || (memcmp(command, "rcp ", 4) != 0 && memcmp(command, "scp ", 4) != 0))
        return 0;
    return at;
}

static bool all_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i])
            return false;
    }
    return true;
}

/* What the source said first, a whole line; the sink, if it said anything, zero bytes. */
static enum app_probe probe_source(const uint8_t *p, size_t len, const uint8_t *sink, size_t sink_len)
{
    uint64_t size;
    struct text name;
    const uint8_t *end = len ? memchr(p, '\n', len) : NULL;
    if (!len || (p[0] != 'C' && p[0] != 'D' && p[0] != 'T') || (len > 1 && (p[1] < '0' || p[1] > '9')) ||
        !all_zero(sink, sink_len))
        return APP_NO;
    if (!end)
        return len < LINE_ROOM ? APP_MORE : APP_NO;
    return is_line((const char *)p, (size_t)(end - p), &size, &name) ? APP_YES : APP_NO;
}

static enum app_probe rcp_probe(const struct app_probe_input *input)
{
    const uint8_t *client = input->data[SIDE_CLIENT], *server = input->data[SIDE_SERVER];
    size_t client_len = input->len[SIDE_CLIENT], server_len = input->len[SIDE_SERVER];
    bool more = false;
    if (client_len && (client[0] == 0 || (client[0] >= '0' && client[0] <= '9'))) {
        if (shell_strings(client, client_len, &more))
            return APP_YES;
        if (more && client_len < 512)
            return APP_MORE;
    }
    enum app_probe answer = probe_source(client, client_len, server, server_len);
    return answer == APP_NO && client_len ? probe_source(server, server_len, client, client_len) : answer;
}

static bool rcp_open(struct app_session *session)
{
    struct rcp *rcp = app_state(session);
    rcp->source = SIDE_CLIENT; /* until a side says something */
    rcp->stage = RCP_OTHER;
    return true;
}

/* ---- the source's side ---- */

static void finish(struct app_session *session, bool whole)
{
    struct rcp *rcp = app_state(session);
    const struct object_sink *sink = app_objects(session);
    if (rcp->object)
        sink->end(sink->user, rcp->object, whole ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    rcp->object = NULL;
}

static void take_line(struct app_session *session)
{
    struct rcp *rcp = app_state(session);
    const struct object_sink *sink = app_objects(session);
    struct text name;
    uint64_t size;
    if (!is_line(rcp->line.text, rcp->line.len, &size, &name) || rcp->line.text[0] != 'C')
        return;
    rcp->left = size;
    rcp->stage = size ? RCP_BYTES : RCP_END;
    if (!app_is_content(session, rcp->source))
        return;
    const struct object_info info = {
        .flow = app_flow(session),
        .sender = rcp->source,
        .name = path_name(name),
        .expected_size = size,
        .tx_id = rcp->files++,
        .time_ns = app_now(session),
    };
    rcp->object = sink->begin(sink->user, &info);
}

/* How many bytes were used. */
static size_t take_source(struct app_session *session, const uint8_t *data, size_t len)
{
    struct rcp *rcp = app_state(session);
    const struct object_sink *sink = app_objects(session);
    const uint8_t *at = data;
    size_t left = len;
    switch (rcp->stage) {
    case RCP_SHELL:
        rcp->strings += !data[0];
        if (rcp->strings == SHELL_STRINGS)
            rcp->stage = RCP_LINE;
        return 1;
    case RCP_LINE:
        if (!data[0] && (rcp->line.whole || !rcp->line.len))
            return 1; /* the shell's, or an answer */
        if (line_take(&rcp->line, &at, &left))
            take_line(session);
        return len - left;
    case RCP_BYTES:
        left = len < rcp->left ? len : (size_t)rcp->left;
        if (rcp->object)
            sink->data(sink->user, rcp->object, data, left);
        rcp->left -= left;
        rcp->stage = rcp->left ? RCP_BYTES : RCP_END;
        return left;
    default: /* RCP_END: zero when the source could read the file to its end, else a line says why not */
        finish(session, !data[0]);
        rcp->stage = RCP_LINE;
        return data[0] ? 0 : 1;
    }
}

/* The first that is no zero byte tells who is the source; in a shell's strings, the command's option. */
static void find_source(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct rcp *rcp = app_state(session);
    bool more;
    size_t shell = side == SIDE_CLIENT ? shell_strings(data, len, &more) : 0;
    if (shell) {
        bool sends = memmem(data, shell, " -f", 3) != NULL;
        rcp->source = sends ? SIDE_SERVER : SIDE_CLIENT;
        rcp->stage = sends ? RCP_LINE : RCP_SHELL;
    } else if (!all_zero(data, len)) {
        rcp->source = side;
        rcp->stage = RCP_LINE;
    }
}

static void rcp_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct rcp *rcp = app_state(session);
    if (rcp->stage == RCP_OTHER)
        find_source(session, side, data, len);
    if (rcp->stage == RCP_OTHER || side != rcp->source)
        return;
    while (len) {
        size_t n = take_source(session, data, len);
        data += n;
        len -= n;
    }
}

static void rcp_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct rcp *rcp = app_state(session);
    const struct object_sink *sink = app_objects(session);
    if (side != rcp->source || rcp->stage == RCP_OTHER)
        return;
    if (rcp->stage != RCP_BYTES || len > rcp->left) {
        app_switch(session, &app_raw, 0);
        return;
    }
    if (rcp->object)
        sink->gap(sink->user, rcp->object, len);
    rcp->left -= len;
    rcp->stage = rcp->left ? RCP_BYTES : RCP_END;
}

static void rcp_close(struct app_session *session)
{
    finish(session, false);
}

const struct app_ops app_rcp = {
    .name = "rcp",
    .transports = APP_TCP,
    .state_size = sizeof(struct rcp),
    .probe = rcp_probe,
    .open = rcp_open,
    .data = rcp_data,
    .gap = rcp_gap,
    .rest = app_rest_as_it_is,
    .close = rcp_close,
};
