/* TLS handshakes, internal: what tls.c, dtls.c and quic.c find in records, datagrams and CRYPTO frames, the files
 * beside this one read from the messages. */
#ifndef DLP_APP_TLS_H
#define DLP_APP_TLS_H

#include <openssl/evp.h>

#include "app.h"
#include "cursor.h"

#define TLS_MESSAGE_MAX 16384 /* a handshake message longer than this is not read */
#define TLS_LIST_MAX 256      /* entries of one list of a hello that are kept */

struct tls_shared { /* of all sessions of a worker */
    struct pool *messages; /* TLS_MESSAGE_MAX each, for messages that do not lie in one piece */
    struct pool *pieces;   /* struct tls_pieces */
    EVP_MD *md5, *sha1, *sha256;
    EVP_MD_CTX *digest;
};

enum { TLS_CLIENT_HELLO = 1, TLS_SERVER_HELLO = 2, TLS_CERTIFICATE = 11 };

/* What carries the handshake, by JA4's letter for it. */
enum tls_carrier { TLS_OVER_TCP = 't', TLS_OVER_QUIC = 'q', TLS_OVER_DATAGRAMS = 'd' };

enum {
    TLS_EXTENSION_SERVER_NAME = 0,
    TLS_EXTENSION_GROUPS = 10,
    TLS_EXTENSION_POINT_FORMATS = 11,
    TLS_EXTENSION_SIGNATURES = 13,
    TLS_EXTENSION_ALPN = 16,
    TLS_EXTENSION_VERSIONS = 43
};

struct tls_list {
    uint16_t item[TLS_LIST_MAX];
    unsigned count;
};

/* A hello taken apart; the texts lie in the message. Values of RFC 8701 (GREASE) are left out of the lists. */
struct tls_hello {
    enum tls_carrier carrier;
    uint16_t version, highest; /* of the hello, of its list of versions (0: has none) */
    bool names_server;         /* the extension is there */
    struct tls_list ciphers, extensions, groups, formats, signatures;
    struct text server_name;
    struct text alpn;  /* the first name */
    struct text alpns; /* all, as the extension has them: a length byte before each */
};

/* Handshake bytes that come with their offsets, in any order and more than once: a bit for each byte that is there. The
 * first copy of a byte stays; what lies beyond TLS_MESSAGE_MAX is left out. */
struct tls_pieces {
    uint32_t reached; /* all bytes before it are there */
    uint8_t have[TLS_MESSAGE_MAX / 8];
    uint8_t bytes[TLS_MESSAGE_MAX];
};
void tls_pieces_add(struct tls_pieces *pieces, uint64_t offset, const uint8_t *data, size_t len);

/* Each reads one message's body into the flow's meta. */
void tls_read_client_hello(const struct tls_shared *shared, struct meta *meta, enum tls_carrier carrier,
                           const uint8_t *body, size_t len);
/* What comes after a ServerHello: another one (RFC 8446 4.1.4), a certificate in clear, nothing that can be read. */
enum tls_after { TLS_THEN_RETRY, TLS_THEN_CERTIFICATE, TLS_THEN_CIPHER };
enum tls_after tls_read_server_hello(const struct tls_shared *shared, struct meta *meta, enum tls_carrier carrier,
                                     const uint8_t *body, size_t len);
void tls_read_certificate(const struct tls_shared *shared, struct meta *meta, const uint8_t *body, size_t len);

/* tls_fingerprint.c: JA3 and JA4 of a ClientHello, JA3S and JA4S of a ServerHello. */
void tls_fingerprint(const struct tls_shared *shared, struct meta *meta, const struct tls_hello *hello, bool server);
/* The digest in lower-case hex with its NUL; false where policy forbids the algorithm (`md` is NULL). */
bool tls_digest_hex(const struct tls_shared *shared, const EVP_MD *md, const void *data, size_t len,
                    char hex[2 * EVP_MAX_MD_SIZE + 1]);

#endif
