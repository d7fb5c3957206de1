/* TLS handshakes, internal: what tls.c finds in the records and tls_hello.c reads from the messages. */
#ifndef DLP_APP_TLS_H
#define DLP_APP_TLS_H

#include <openssl/evp.h>

#include "app.h"
#include "cursor.h"

#define TLS_MESSAGE_MAX 16384 /* a handshake message longer than this is not read */

struct tls_shared { /* of all sessions of a worker */
    struct pool *messages; /* TLS_MESSAGE_MAX each, for messages that do not lie in one piece */
    EVP_MD *md5, *sha256;
    EVP_MD_CTX *digest;
};

enum { TLS_CLIENT_HELLO = 1, TLS_SERVER_HELLO = 2, TLS_CERTIFICATE = 11 };

/* Reads one message's body into the flow's meta. */
void tls_read_client_hello(const struct tls_shared *shared, struct meta *meta, const uint8_t *body, size_t len);
/* True when a certificate in clear will follow (TLS 1.2 and before). */
bool tls_read_server_hello(const struct tls_shared *shared, struct meta *meta, const uint8_t *body, size_t len);
void tls_read_certificate(struct meta *meta, const uint8_t *body, size_t len); /* tls_certificate.c */

#endif
