/* Protocol tests as transcripts: each *.transcript file beside this one holds conversations and the objects that must
 * come out of them. Every TCP conversation is replayed as written, with neighbouring segments joined, and cut into
 * pieces of many sizes down to one byte, and again with its flow laid to rest after each piece; the result must be the
 * same.
 *
 *      --- title                   a new conversation
 *      option content client       which sides are content: client, server, both (the default), none
 *      option midstream            the connection's beginning was not seen
 *      option as-written           do not cut or join (where a gap makes the cuts matter)
 *      option midstream            the flows were picked up in the middle
 *      flow 10.0.0.1:5000 192.0.2.1:80 [udp]     later lines belong to this flow
 *      >>> bytes                   the client sends; \r \n \t \\ \xHH are escapes, \*N{...} repeats
 *      <<< bytes                   the server sends
 *      >>! N     <<! N             N bytes that never came; of UDP: of the datagram before, by the snap length
 *      >>.       <<.               the side is done (FIN)
 *      >>x       <<x               the side is reset
 *      = client closed name|type|content       an object, in order of beginning
 *      + http.url /a               the last object's meta has this
 *      = nothing more is written when there is none
 *      ! app_proto http            of the current flow
 *      ! meta tls.sni example.org  of the current flow itself
 *      ! opaque
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <glob.h>
#include <netinet/in.h>

#include "fake_worker.h"
#include "fold.h"

#define LINES_MAX 512
#define BYTES_MAX (1 << 20)
#define FLOWS_MAX 8

struct line {
    char kind[4];
    char text[8192];
};

struct conversation {
    char file[128], title[128];
    struct line *lines;
    size_t count;
    bool as_written, midstream;
    bool content[2];
};

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 0;
}

static size_t unescape(const char *text, const char *end, uint8_t *out)
{
    size_t n = 0;
    for (const char *p = text; p < end; p++) {
        if (*p != '\\' || p + 1 == end) {
            out[n++] = (uint8_t)*p;
            continue;
        }
        switch (*++p) {
        case 'r':
            out[n++] = '\r';
            break;
        case 'n':
            out[n++] = '\n';
            break;
        case 't':
            out[n++] = '\t';
            break;
        case '0':
            out[n++] = 0;
            break;
        case 'x':
            out[n++] = (uint8_t)(hex(p[1]) << 4 | hex(p[2]));
            p += 2;
            break;
        case '*': {
            char *brace;
            unsigned long times = strtoul(p + 1, &brace, 10);
            const char *close = strchr(brace, '}');
            size_t len = unescape(brace + 1, close, out + n);
            for (unsigned long i = 1; i < times; i++)
                memcpy(out + n + i * len, out + n, len);
            n += len * times;
            p = close;
            break;
        }
        default:
            out[n++] = (uint8_t)*p;
        }
    }
    return n;
}

static void append_printable(char *out, size_t room, const char *data, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 5 < room; i++) {
        uint8_t c = (uint8_t)data[i];
        if (c == '\r' || c == '\n' || c == '\t')
            n += (size_t)snprintf(out + n, room - n, "\\%c", c == '\r' ? 'r' : c == '\n' ? 'n' : 't');
        else if (c < 0x20 || c >= 0x7f || c == '\\')
            n += (size_t)snprintf(out + n, room - n, c == '\\' ? "\\\\" : "\\x%02x", c);
        else
            out[n++] = (char)c;
    }
    out[n] = '\0';
}

static const char *meta_section[] = {
#define META(id, section, key, help) section "." key,
#define META_LIST META
#define META_NUMBER META
#include "meta_list.def"
#undef META_NUMBER
#undef META_LIST
#undef META
};

static struct text find_meta(const struct meta *meta, const char *key, size_t len)
{
    for (int i = 0; i < META_COUNT; i++) {
        if (strlen(meta_section[i]) == len && memcmp(meta_section[i], key, len) == 0)
            return meta_get(meta, (enum meta_id)i);
    }
    fail_msg("no meta named %.*s", (int)len, key);
    return (struct text){NULL, 0};
}

static unsigned long rests, folds; /* how often a flow was laid to rest, and how often that folded it */

struct run {
    struct fake_worker fake;
    const struct conversation *conversation;
    struct flow *flows[FLOWS_MAX];
    bool udp[FLOWS_MAX], ended[FLOWS_MAX][2];
    bool opaque[FLOWS_MAX];
    const char *app_proto[FLOWS_MAX];
    char flow_names[FLOWS_MAX][128];
    size_t flow_count, flow;
    size_t piece; /* 0: as written */
    bool join, rest;
    uint8_t *bytes;
    size_t len;
    enum side side;
    bool pending;
    uint32_t cut; /* of the pending datagram, by the snap length */
};

static void use_flow(struct run *r, const char *text)
{
    char client[64], server[64], udp[8] = "";
    unsigned client_port, server_port;
    for (r->flow = 0; r->flow < r->flow_count; r->flow++) {
        if (strcmp(r->flow_names[r->flow], text) == 0)
            return;
    }
    assert_true(r->flow_count < FLOWS_MAX);
    int n = sscanf(text, "%63[0-9.]:%u %63[0-9.]:%u %7s", client, &client_port, server, &server_port, udp);
    assert_true(n >= 4);
    snprintf(r->flow_names[r->flow], sizeof(r->flow_names[0]), "%s", text);
    r->udp[r->flow] = strcmp(udp, "udp") == 0;
    struct flow *flow = fake_flow(&r->fake, r->udp[r->flow] ? IPPROTO_UDP : IPPROTO_TCP, client, (uint16_t)client_port,
                                  server, (uint16_t)server_port);
    assert_non_null(flow);
    flow->content[0] = r->conversation->content[0];
    flow->content[1] = r->conversation->content[1];
    flow->midstream = r->conversation->midstream;
    r->flows[r->flow] = flow;
    r->flow_count++;
}

static void send_pending(struct run *r)
{
    struct flow *flow = r->flows[r->flow];
    if (!r->pending)
        return;
    r->pending = false;
    for (size_t at = 0; at < r->len;) {
        size_t n = r->piece && !r->udp[r->flow] && r->piece < r->len - at ? r->piece : r->len - at;
        /* an exact copy: reading past the end of a segment is found out */
        uint8_t *copy = malloc(n);
        memcpy(copy, r->bytes + at, n);
        if (r->udp[r->flow])
            r->fake.sink.datagram(r->fake.sink.user, flow, r->side, copy, n, r->cut);
        else
            r->fake.sink.data(r->fake.sink.user, flow, r->side, copy, n);
        free(copy);
        at += n;
        if (r->rest) {
            app_flow_rest(r->fake.apps, flow);
            rests++;
            folds += fold_is(flow->app);
        }
    }
    r->len = 0;
}

static void play_line(struct run *r, const struct line *line)
{
    enum side side = line->kind[0] == '>' ? SIDE_CLIENT : SIDE_SERVER;
    if (line->kind[0] == 'f') {
        send_pending(r);
        use_flow(r, line->text);
        return;
    }
    if (line->kind[0] != '>' && line->kind[0] != '<')
        return;
    if (r->udp[r->flow] && line->kind[2] == '!') {
        r->cut = (uint32_t)strtoul(line->text, NULL, 10);
        send_pending(r);
        r->cut = 0;
        return;
    }
    if (r->pending && (!r->join || side != r->side || line->kind[2] != line->kind[1] || r->udp[r->flow]))
        send_pending(r);
    struct flow *flow = r->flows[r->flow];
    switch (line->kind[2]) {
    case '!':
        flow->gaps = true;
        r->fake.sink.gap(r->fake.sink.user, flow, side, strtoull(line->text, NULL, 10));
        break;
    case '.':
    case 'x':
        r->fake.sink.end(r->fake.sink.user, flow, side, line->kind[2] == '.' ? STREAM_FIN : STREAM_RST);
        r->ended[r->flow][side] = true;
        break;
    default:
        r->side = side;
        r->pending = true;
        r->len += unescape(line->text, line->text + strlen(line->text), r->bytes + r->len);
        assert_true(r->len < BYTES_MAX / 2);
    }
}

static void check(struct run *r, const char *how)
{
    const struct conversation *c = r->conversation;
    static char got[65536], content[49152];
    struct object *last = NULL;
    size_t next = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct line *line = &c->lines[i];
        if (line->kind[0] == 'f')
            use_flow(r, line->text);
        if (line->kind[0] == '=') {
            if (next == r->fake.count)
                fail_msg("%s: %s (%s): missing object: %s", c->file, c->title, how, line->text);
            last = &r->fake.objects[next++];
            append_printable(content, sizeof(content), last->text ? last->text : "", last->len);
            if (last->len > 2000)
                snprintf(content, sizeof(content), "%zu bytes", last->len);
            snprintf(got, sizeof(got), "%s %s %s|%s|%s", last->sender == SIDE_CLIENT ? "client" : "server",
                     last->state == OBJECT_CLOSED ? "closed" : "truncated", last->name, last->type, content);
            if (strcmp(got, line->text) != 0)
                fail_msg("%s: %s (%s):\n  wanted %s\n  got    %s", c->file, c->title, how, line->text, got);
        }
        if (line->kind[0] == '+') {
            assert_non_null(last);
            const char *space = strchr(line->text, ' ');
            assert_non_null(space);
            struct text value;
            if (strncmp(line->text, "encoding ", 9) == 0)
                value = (struct text){last->encoding, strlen(last->encoding)};
            else if (strncmp(line->text, "size ", 5) == 0)
                value = (struct text){got, (size_t)snprintf(got, sizeof(got), "%lld", (long long)last->expected_size)};
            else if (strncmp(line->text, "tx ", 3) == 0)
                value = (struct text){got, (size_t)snprintf(got, sizeof(got), "%lld", (long long)last->tx_id)};
            else
                value = find_meta(last->meta, line->text, (size_t)(space - line->text));
            if (value.len && memchr(value.data, '\n', value.len)) { /* a list */
                append_printable(content, sizeof(content), value.data, value.len);
                value = (struct text){content, strlen(content)};
            }
            if (value.len != strlen(space + 1) || memcmp(value.data ? value.data : "", space + 1, value.len) != 0)
                fail_msg("%s: %s (%s): wanted %s, got %.*s", c->file, c->title, how, line->text, (int)value.len, value.data);
        }
        if (line->kind[0] == '!' && strncmp(line->text, "app_proto ", 10) == 0) {
            const char *name = r->app_proto[r->flow] ? r->app_proto[r->flow] : "none";
            if (strcmp(name, line->text + 10) != 0)
                fail_msg("%s: %s (%s): app_proto is %s", c->file, c->title, how, name);
        }
        if (line->kind[0] == '!' && strcmp(line->text, "opaque") == 0 && !r->opaque[r->flow])
            fail_msg("%s: %s (%s): not opaque", c->file, c->title, how);
        if (line->kind[0] == '!' && strcmp(line->text, "not opaque") == 0 && r->opaque[r->flow])
            fail_msg("%s: %s (%s): opaque", c->file, c->title, how);
    }
    if (next < r->fake.count) {
        last = &r->fake.objects[next];
        append_printable(content, sizeof(content), last->text ? last->text : "", last->len);
        fail_msg("%s: %s (%s): unexpected object: %s %s|%s|%s", c->file, c->title, how,
                 last->state == OBJECT_CLOSED ? "closed" : "truncated", last->name, last->type, content);
    }
}

static void check_flow_meta(struct run *r, const char *how)
{
    const struct conversation *c = r->conversation;
    for (size_t i = 0; i < c->count; i++) {
        const struct line *line = &c->lines[i];
        if (line->kind[0] == 'f')
            use_flow(r, line->text);
        if (line->kind[0] != '!' || strncmp(line->text, "meta ", 5) != 0)
            continue;
        const char *space = strchr(line->text + 5, ' ');
        struct text value = find_meta(app_meta_of_flow(r->fake.apps, r->flows[r->flow]), line->text + 5, (size_t)(space - line->text - 5));
        char shown[4 * META_FIELD_MAX + 1] = "";
        append_printable(shown, sizeof(shown), value.data ? value.data : "", value.len);
        if (strcmp(shown, space + 1) != 0)
            fail_msg("%s: %s (%s): wanted %s, got %s", c->file, c->title, how, line->text, shown);
    }
}

static void play(const struct conversation *c, size_t piece, bool join, bool rest)
{
    struct run *r = calloc(1, sizeof(*r));
    char how[64];
    int n = snprintf(how, sizeof(how), piece ? "in pieces of %zu" : join ? "joined" : "as written", piece);
    snprintf(how + n, sizeof(how) - (size_t)n, rest ? ", with rests" : "");
    fake_open(&r->fake, true);
    r->conversation = c;
    r->piece = piece;
    r->join = join;
    r->rest = rest;
    r->bytes = malloc(BYTES_MAX);
    use_flow(r, "10.0.0.1:40000 192.0.2.1:8080");
    for (size_t i = 0; i < c->count; i++)
        play_line(r, &c->lines[i]);
    send_pending(r);
    r->flow = 0;
    check_flow_meta(r, how);
    for (size_t i = 0; i < r->flow_count; i++) {
        for (int side = 0; side < 2; side++) {
            if (!r->ended[i][side] && !r->udp[i])
                r->fake.sink.end(r->fake.sink.user, r->flows[i], (enum side)side, STREAM_CUT);
        }
        r->opaque[i] = r->flows[i]->opaque;
        r->app_proto[i] = r->flows[i]->app_proto;
    }
    fake_finish(&r->fake);
    r->flow = 0;
    check(r, how);
    fake_close(&r->fake);
    assert_int_equal(r->fake.mem.total, 0);
    free(r->bytes);
    free(r);
}

static void play_all_ways(const struct conversation *c)
{
    static const size_t pieces[] = {1, 2, 3, 5, 7, 16, 61, 536, 1460};
    for (int rest = 0; rest < 2; rest++) {
        play(c, 0, false, rest);
        if (c->as_written)
            continue;
        play(c, 0, true, rest);
        for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
            play(c, pieces[i], true, rest);
    }
}

static void add_line(struct conversation *c, const char *text)
{
    static const char *const kinds[] = {">>>", "<<<", ">>!", "<<!", ">>.", "<<.", ">>x", "<<x", "=", "+", "!"};
    if (strncmp(text, "option ", 7) == 0) {
        const char *what = text + 7;
        c->as_written |= strcmp(what, "as-written") == 0;
        c->midstream |= strcmp(what, "midstream") == 0;
        if (strncmp(what, "content ", 8) == 0) {
            c->content[0] = strcmp(what + 8, "both") == 0 || strcmp(what + 8, "client") == 0;
            c->content[1] = strcmp(what + 8, "both") == 0 || strcmp(what + 8, "server") == 0;
        }
        return;
    }
    assert_true(c->count < LINES_MAX);
    struct line *line = &c->lines[c->count];
    if (strncmp(text, "flow ", 5) == 0) {
        snprintf(line->kind, sizeof(line->kind), "f");
        snprintf(line->text, sizeof(line->text), "%s", text + 5);
        c->count++;
        return;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t n = strlen(kinds[i]);
        if (strncmp(text, kinds[i], n) != 0)
            continue;
        snprintf(line->kind, sizeof(line->kind), "%s", kinds[i]);
        assert_true(strlen(text) < sizeof(line->text));
        snprintf(line->text, sizeof(line->text), "%s", text[n] == ' ' ? text + n + 1 : text + n);
        c->count++;
        return;
    }
    fail_msg("%s: what is this line? %s", c->file, text);
}

static void play_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t room = 0;
    struct conversation c = {.content = {true, true}};
    assert_non_null(file);
    c.lines = calloc(LINES_MAX, sizeof(*c.lines));
    snprintf(c.file, sizeof(c.file), "%s", strrchr(path, '/') + 1);
    for (;;) {
        ssize_t n = getline(&text, &room, file);
        if (n > 0 && text[n - 1] == '\n')
            text[n - 1] = '\0';
        if (n < 0 || strncmp(text, "---", 3) == 0) {
            if (c.title[0])
                play_all_ways(&c);
            if (n < 0)
                break;
            snprintf(c.title, sizeof(c.title), "%s", text + 4);
            c.count = 0;
            c.as_written = c.midstream = false;
            c.content[0] = c.content[1] = true;
            continue;
        }
        if (text[0] && text[0] != '#')
            add_line(&c, text);
    }
    free(text);
    free(c.lines);
    fclose(file);
}

static void transcripts(void **state)
{
    (void)state;
    const char *pattern = getenv("TRANSCRIPTS");
    glob_t found;
    assert_int_equal(glob(pattern ? pattern : "tests/unit/app/*.transcript", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        play_file(found.gl_pathv[i]);
    globfree(&found);
    assert_true(folds > rests / 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(transcripts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
