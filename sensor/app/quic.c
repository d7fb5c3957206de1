/* QUIC (RFC 9000, RFC 9369 and the drafts): known by its long header on any port. The Initial packets of both sides are
 * opened and their CRYPTO frames put in order, whatever the order and the packets they came in; what the hellos in
 * them say goes to the flow's meta, and the flow is opaque. The work is bounded by the first datagrams: DATAGRAMS_MAX
 * of them, PACKETS_MAX packets of each, one derivation of keys for each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quic_initial.h"
#include "tls.h"

#define DATAGRAMS_MAX 16 /* of both sides: a hello with post-quantum keys takes two or three */
#define AFTER_HELLO_MAX 6 /* more after the client's hello: the server keeps silent, or is not on this tap */
#define PACKETS_MAX 4
#define SCRATCH 16384

struct quic_shared {
    struct quic_ciphers ciphers;
    uint8_t plain[SCRATCH];
};

struct quic {
    struct tls_pieces *crypto[2]; /* each side's CRYPTO stream from its first byte */
    uint32_t message[2];          /* where its next handshake message begins */
    struct quic_keys keys[2]; /* client's, server's */
    struct quic_id destination;
    uint32_t version;         /* of the keys */
    uint32_t shown;           /* the version in the meta */
    enum side client;
    bool keyed;
    bool done[2];
    uint8_t datagrams, after;
};

static void *quic_shared_new(struct mem *mem)
{
    struct quic_shared *shared = calloc(1, sizeof(*shared));
    (void)mem;
    if (!shared)
        abort(); /* only at start */
    shared->ciphers.ecb = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
    shared->ciphers.gcm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    shared->ciphers.context = EVP_CIPHER_CTX_new();
    if (!shared->ciphers.context)
        abort();
    return shared;
}

static void quic_shared_free(void *user)
{
    struct quic_shared *shared = user;
    EVP_CIPHER_free(shared->ciphers.ecb);
    EVP_CIPHER_free(shared->ciphers.gcm);
    EVP_CIPHER_CTX_free(shared->ciphers.context);
    free(shared);
}

static enum app_probe quic_probe(const struct app_probe_input *input)
{
    for (unsigned side = 0; side < 2; side++) {
        if (!input->len[side])
            continue;
        struct cursor c = cursor_over(input->data[side], input->len[side]);
        struct quic_header header;
        enum quic_packet type = quic_read_header(&c, &header);
        bool fixed = input->data[side][0] & 0x40;
        if (type == QUIC_NEGOTIATION || (type == QUIC_RETRY && fixed))
            return APP_YES;
        if (type < QUIC_RETRY && fixed && header.len - header.number_at >= 20) /* a number and a sample to unmask it */
            return APP_YES;
    }
    return APP_NO;
}

/* ---- CRYPTO frames ---- */

static void read_message(struct app_session *session, enum side side, const uint8_t *message, size_t len)
{
    const struct tls_shared *tls = app_shared(session, &app_tls);
    struct meta *meta = app_flow_meta(session);
    struct quic *quic = app_state(session);
    if (side == quic->client) {
        if (message[0] == TLS_CLIENT_HELLO) {
            struct text name;
            tls_read_client_hello(tls, meta, TLS_OVER_QUIC, message + 4, len - 4);
            name = meta_get(meta, META_TLS_SNI);
            if (name.len)
                meta_set(meta, META_QUIC_SNI, name.data, name.len);
        }
        quic->done[side] = true;
    } else {
        quic->done[side] = message[0] != TLS_SERVER_HELLO ||
                           tls_read_server_hello(tls, meta, TLS_OVER_QUIC, message + 4, len - 4) != TLS_THEN_RETRY;
    }
}

static void read_messages(struct app_session *session, enum side side)
{
    struct quic *quic = app_state(session);
    const struct tls_pieces *s = quic->crypto[side];
    uint32_t *at = &quic->message[side];
    while (!quic->done[side] && s->reached - *at >= 4) {
        const uint8_t *head = s->bytes + *at;
        uint32_t size = 4 + ((uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3]);
        if (size > TLS_MESSAGE_MAX - *at) {
            quic->done[side] = true; /* it will never be whole here */
            return;
        }
        if (size > s->reached - *at)
            return;
        read_message(session, side, head, size);
        *at += size;
    }
}

static bool take_crypto(struct app_session *session, enum side side, uint64_t offset, const uint8_t *data, size_t len)
{
    const struct tls_shared *tls = app_shared(session, &app_tls);
    struct quic *quic = app_state(session);
    struct tls_pieces **crypto = &quic->crypto[side];
    if (quic->done[side])
        return true;
    if (!*crypto && !(*crypto = pool_get_zeroed(tls->pieces)))
        return false;
    tls_pieces_add(*crypto, offset, data, len);
    read_messages(session, side);
    return true;
}

/* The frames an Initial packet may hold (RFC 9000 12.4); anything else ends it. */
static bool read_frames(struct app_session *session, enum side side, const uint8_t *plain, size_t len)
{
    struct cursor c = cursor_over(plain, len);
    while (cursor_left(&c)) {
        uint64_t type = quic_variable(&c);
        if (type == 0 || type == 1) /* PADDING, PING */
            continue;
        if (type == 2 || type == 3) { /* ACK: largest, delay, count, first range, then pairs */
            quic_variable(&c);
            quic_variable(&c);
            uint64_t numbers = quic_variable(&c) * 2 + 1 + (type == 3 ? 3 : 0);
            for (; numbers && cursor_left(&c); numbers--)
                quic_variable(&c);
            continue;
        }
        if (type != 6)
            return true;
        uint64_t offset = quic_variable(&c), size = quic_variable(&c);
        const uint8_t *data = size <= cursor_left(&c) ? cursor_take(&c, (size_t)size) : NULL;
        if (!data)
            return true;
        if (!take_crypto(session, side, offset, data, (size_t)size))
            return false;
    }
    return true;
}

/* ---- packets ---- */

/* The client begins again with the server's choice of destination, from which new keys come (RFC 9000 8.1.2). */
static void take_retry(struct quic *quic, const struct quic_header *header)
{
    quic->destination = header->source;
    quic->version = header->version;
    quic->keyed = quic_initial_keys(header->version, &header->source, quic->keys);
}

/* Opens with the keys there are. A client's packet they do not fit may be its first one, or one after a Retry that was
 * not seen: then they come from its own destination. */
static size_t open_packet(struct app_session *session, enum side side, const struct quic_header *header, bool *derive)
{
    struct quic_shared *shared = app_shared(session, &app_quic);
    struct quic *quic = app_state(session);
    struct quic_keys keys[2];
    size_t len = 0;
    if (header->len > SCRATCH)
        return 0;
    if (quic->keyed && header->version == quic->version)
        len = quic_open(&shared->ciphers, &quic->keys[side != quic->client], header, shared->plain);
    if (len || !*derive)
        return len;
    *derive = false;
    if (quic->keyed && side != quic->client) { /* RFC 9368: the server answers in another version */
        if (header->version == quic->version || !quic_initial_keys(header->version, &quic->destination, keys))
            return 0;
        return quic_open(&shared->ciphers, &keys[1], header, shared->plain);
    }
    if (!quic_initial_keys(header->version, &header->destination, keys) ||
        !(len = quic_open(&shared->ciphers, &keys[0], header, shared->plain)))
        return 0;
    memcpy(quic->keys, keys, sizeof(quic->keys));
    quic->destination = header->destination;
    quic->version = header->version;
    quic->client = side;
    quic->keyed = true;
    return len;
}

static void show_version(struct app_session *session, uint32_t version)
{
    struct quic *quic = app_state(session);
    char text[16];
    if (version == quic->shown || !version)
        return;
    quic->shown = version;
    if (version == 1 || version == 0x6b3343cf || version == 0x709a50c4)
        snprintf(text, sizeof(text), "%s", version == 1 ? "1" : version == 0x6b3343cf ? "2" : "2-draft");
    else if (version >> 8 == 0xff0000)
        snprintf(text, sizeof(text), "draft-%02u", version & 0xff);
    else if (version >> 24 == 'Q' || version >> 24 == 'T')
        snprintf(text, sizeof(text), "%c%c%c%c", (char)(version >> 24), (char)(version >> 16), (char)(version >> 8),
                 (char)version);
    else
        snprintf(text, sizeof(text), "%08x", version);
    meta_set(app_flow_meta(session), META_QUIC_VERSION, text, strlen(text));
}

static void quic_datagram(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct quic_shared *shared = app_shared(session, &app_quic);
    struct quic *quic = app_state(session);
    struct cursor c = cursor_over(data, len);
    struct quic_header header;
    bool derive = true, good = true;
    for (unsigned i = 0; i < PACKETS_MAX && good && cursor_left(&c); i++) {
        enum quic_packet type = quic_read_header(&c, &header);
        if (type >= QUIC_SHORT)
            break;
        show_version(session, header.version);
        if (type == QUIC_RETRY && quic->keyed && side != quic->client)
            take_retry(quic, &header);
        if (type != QUIC_INITIAL || quic->done[side])
            continue;
        size_t plain = open_packet(session, side, &header, &derive);
        good = read_frames(session, side, shared->plain, plain);
    }
    bool hello = quic->keyed && quic->done[quic->client];
    if (hello && quic->after++ >= AFTER_HELLO_MAX)
        good = false;
    if (!good || ++quic->datagrams >= DATAGRAMS_MAX || (quic->done[0] && quic->done[1]))
        app_set_opaque(session);
}

static void quic_close(struct app_session *session)
{
    const struct tls_shared *tls = app_shared(session, &app_tls);
    struct quic *quic = app_state(session);
    pool_put(tls->pieces, quic->crypto[0]);
    pool_put(tls->pieces, quic->crypto[1]);
}

const struct app_ops app_quic = {
    .name = "quic",
    .transports = APP_UDP,
    .state_size = sizeof(struct quic),
    .probe = quic_probe,
    .datagram = quic_datagram,
    .rest = app_rest_as_it_is,
    .close = quic_close,
    .shared_new = quic_shared_new,
    .shared_free = quic_shared_free,
};
