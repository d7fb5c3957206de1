/* Which container reads a body: the table, asked by the declared media type; and what the
 * containers share, a part's header block becoming an object. */
#include <string.h>

#include "encoded_words.h"
#include "env.h"
#include "mime.h"

static const struct container_ops *const containers[] = {
#define CONTAINER(name) &container_##name,
#include "container_list.def"
#undef CONTAINER
};

size_t container_state_size(enum container_kind kind)
{
    return containers[kind]->state_size;
}

static struct container *make(struct object_env *env, size_t kind, struct object *router,
                              const struct object_info *info)
{
    struct container *container = pool_get_zeroed(env->containers[kind]);
    if (!container)
        return NULL; /* then the body is one object, framing and all */
    container->ops = containers[kind];
    container->env = env;
    container->router = router;
    container->pool = env->containers[kind];
    container->base = (struct object_info){.flow = router->flow,
                                           .sender = router->sender,
                                           .meta = router->meta,
                                           .parent = router,
                                           .expected_size = OBJECT_SIZE_UNKNOWN,
                                           .tx_id = router->tx_id};
    if (container->ops->open)
        container->ops->open(container, info);
    return container;
}

struct container *container_open(struct object_env *env, struct object *router,
                                 const struct object_info *info)
{
    for (size_t i = 0; i < CONTAINER_COUNT; i++) {
        const char *type = containers[i]->media_type;
        if (type && strncmp(router->declared_type, type, strlen(type)) == 0)
            return make(env, i, router, info);
    }
    return NULL;
}

struct container *container_sniff(struct object_env *env, struct object *object,
                                  const uint8_t *head, size_t len, bool *undecided)
{
    *undecided = false;
    for (size_t i = 0; i < CONTAINER_COUNT; i++) {
        const struct container_ops *ops = containers[i];
        if (ops->sniff && len < ops->head_len) {
            *undecided = true;
        } else if (ops->sniff && ops->sniff(head, len)) {
            *undecided = false;
            return make(env, i, object, NULL);
        }
    }
    return NULL;
}

void container_close(struct container *container, enum object_state state)
{
    container->ops->end(container, state);
    pool_put(container->pool, container);
}

/* Content codings come first in the list, the transfer encoding was put on last. */
static void join_encodings(struct part *part, const struct mime_headers *headers)
{
    size_t n = strlen(headers->content_encoding), room = sizeof(part->encoding) - 1;
    if (n)
        memcpy(part->encoding, headers->content_encoding, n < room ? n : room);
    if (n && n < room && headers->encoding[0])
        part->encoding[n++] = ',';
    for (size_t i = 0; headers->encoding[i] && n < room; i++)
        part->encoding[n++] = headers->encoding[i];
    part->encoding[n < room ? n : room] = '\0';
}

/* A name in the words of RFC 2047, which no parameter should use and every mailer does. */
static size_t read_name(const char *value, const char *parameter, char *out, size_t out_len)
{
    return encoded_words(out, mime_parameter(value, parameter, out, out_len));
}

void part_read(struct part *part, const char *block, size_t len)
{
    struct mime_headers headers;
    mime_read(&headers, block, len);
    memset(part, 0, sizeof(*part));
    memcpy(part->type, headers.content_type, sizeof(headers.content_type));
    join_encodings(part, &headers);
    part->field_len = read_name(headers.disposition, "name", part->field, sizeof(part->field));
    part->name_len = read_name(headers.disposition, "filename", part->name, sizeof(part->name));
    if (!part->name_len)
        part->name_len = read_name(headers.content_type, "name", part->name, sizeof(part->name));
}

struct object *part_begin(struct container *container, const struct part *part, const char *path)
{
    struct object_info info = container->base;
    info.path = path;
    info.name = (struct text){part->name, part->name_len};
    info.declared_type = (struct text){part->type, strlen(part->type)};
    info.encoding = (struct text){part->encoding, strlen(part->encoding)};
    info.time_ns = container->env->now_ns;
    meta_add_attachment(info.meta, info.name);
    return object_begin(container->env, &info);
}
