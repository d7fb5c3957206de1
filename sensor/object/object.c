/* The life of an object. A handle a decoder holds is either an object proper (kept, digested,
 * observed) or, when the declared media type is a container that is only transport framing, a
 * router: its bytes go through the same codings and then to the container, whose parts are the
 * objects.
 *
 *      carrier bytes -> codings -> decoded() -> container
 *                               |            -> keep, digest, observe
 *                               -> behind(): an object of its own, for what follows a coded stream
 */
#include <stdio.h>
#include <string.h>

#include "env.h"

static void copy_path(struct object *object, const struct object *from, const char *step)
{
    if (from) {
        object->path_count = from->path_count;
        memcpy(object->path, from->path, sizeof(object->path));
    }
    if (!step)
        return;
    if (object->path_count == OBJECT_PATH_MAX) /* the outermost steps tell least */
        memmove(object->path[0], object->path[1], sizeof(object->path) - sizeof(object->path[0]));
    else
        object->path_count++;
    snprintf(object->path[object->path_count - 1], sizeof(object->path[0]), "%s", step);
}

/* Lower case, without parameters. */
void object_set_type(struct object *object, const char *type, size_t len)
{
    size_t n = 0;
    if (!object)
        return;
    for (size_t i = 0; i < len && n < sizeof(object->declared_type) - 1; i++) {
        char c = type[i];
        if (c == ';' || c == ',' || c == '\0')
            break;
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        object->declared_type[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    object->declared_type[n] = '\0';
}

void object_set_name(struct object *object, const char *name, size_t len)
{
    if (!object)
        return;
    if (len > OBJECT_NAME_MAX)
        len = OBJECT_NAME_MAX;
    if (len)
        memcpy(object->name, name, len);
    object->name[len] = '\0';
    object->name_len = (uint16_t)len;
}

/* Feeds the archive's reader, which alone may begin children meanwhile. */
static void read_archive(struct object *object, const uint8_t *data, size_t len)
{
    struct object_private *private = object->private;
    private->reading = true;
    private->archive->ops->data(private->archive, data, len);
    private->reading = false;
}

/* Is it an archive? Its first bytes tell, and are still kept. True when a reader was found just
 * now. */
static bool look_for_archive(struct object_env *env, struct object *object)
{
    struct object_private *private = object->private;
    bool undecided = false;
    if (private->looked)
        return false;
    if (!object->gaps && !object->bytes_at && private->level < env->limits.nesting)
        private->archive =
            container_sniff(env, object, object->bytes.data, object->bytes.len, &undecided);
    private->looked = !undecided;
    object->opened = private->archive != NULL;
    return object->opened;
}

/* Decoded bytes of a handle. Never asks to stop. */
static bool decoded(void *user, const uint8_t *data, size_t len)
{
    struct object *object = user;
    struct object_private *private = object->private;
    struct object_env *env = private->env;
    if (!len)
        return true;
    if (private->container) {
        private->container->ops->data(private->container, data, len);
        return true;
    }
    object_keep(env, object, data, len);
    if (object->unwatched || !object->bytes.cap)
        count_add(env->counters, COUNT_OBJECT_SHED_BYTES, len);
    bool found = look_for_archive(env, object);
    if (!object->gaps) /* nobody will ask for the digest of a part */
        EVP_DigestUpdate(private->digest, data, len);
    object->size += len;
    count_add(env->counters, COUNT_OBJECT_BYTES, len);
    env->observer.data(env->observer.user, object, data, len);
    if (found)
        read_archive(object, object->bytes.data, object->bytes.len);
    else if (private->archive)
        read_archive(object, data, len);
    return true;
}

static bool decoded_gap(void *user, uint64_t len)
{
    struct object *object = user;
    struct object_private *private = object->private;
    struct object_env *env = private->env;
    object->gaps = true;
    if (private->container) {
        private->container->ops->gap(private->container, len);
        return true;
    }
    object_keep(env, object, NULL, len);
    object->size += len;
    env->observer.gap(env->observer.user, object, len);
    if (private->archive) {
        private->reading = true;
        private->archive->ops->gap(private->archive, len);
        private->reading = false;
    }
    return true;
}

static bool is_padding(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] && data[i] != '\r' && data[i] != '\n' && data[i] != ' ')
            return false;
    }
    return true;
}

/* Receivers pass over what stands behind a coded stream, which makes it a place to hide things: it
 * is an object. */
static void behind(void *user, const uint8_t *data, size_t len, bool damaged)
{
    struct object *object = user;
    struct object_private *private = object->private;
    if (!private->behind && !is_padding(data, len)) {
        char path[32];
        size_t name_len;
        const char *name = coding_name(private->coding, &name_len);
        snprintf(path, sizeof(path), "%.*s:behind", (int)name_len, name);
        const struct object_info info = {.flow = object->flow,
                                         .sender = object->sender,
                                         .meta = object->meta,
                                         .parent = object,
                                         .path = path,
                                         .expected_size = OBJECT_SIZE_UNKNOWN,
                                         .tx_id = object->tx_id,
                                         .time_ns = private->env->now_ns};
        bool reading = private->reading;
        private->reading = true;
        private->behind = object_begin(private->env, &info);
        private->reading = reading;
        if (private->behind)
            private->behind->damaged = damaged; /* where it begins is not known */
    }
    object_data(private->env, private->behind, data, len);
}

static void release(struct object_env *env, struct object *object)
{
    struct object_private *private = object->private;
    object_digest_put(env, private->digest);
    coding_end(env, private->coding);
    buffer_release(env->heap, &object->bytes);
    meta_drop(NULL, object->meta);
    pool_put(env->privates, private);
    pool_put(env->objects, object);
}

/* What stands between the carrier's bytes and the object. */
static bool prepare(struct object_env *env, struct object *object, const struct object_info *info)
{
    struct object_private *private = object->private;
    bool refused = false;
    if (info->encoding.len) {
        const struct coding_sink sink = {{decoded, decoded_gap, object}, behind};
        private->coding = coding_begin(env, info->encoding, &sink, private->expansion, &refused);
        if (refused)
            return false;
    }
    if (private->coding)
        object->expected_size = OBJECT_SIZE_UNKNOWN;
    if (private->level < env->limits.nesting) /* the deepest level keeps framing as it is */
        private->container = container_open(env, object, info);
    if (private->container && private->container->ops->beside) {
        private->archive = private->container;
        private->container = NULL;
        private->looked = true;
    }
    if (private->container)
        return true;
    private->digest = object_digest_get(env);
    return private->digest != NULL;
}

static void *take(struct object_env *env, struct pool *pool)
{
    unsigned tries = 0;
    void *item = pool_get_zeroed(pool);
    while (!item && object_make_room(env, &tries))
        item = pool_get_zeroed(pool);
    return item;
}

static struct object *allocate(struct object_env *env)
{
    struct object *object = take(env, env->objects);
    struct object_private *private = object ? take(env, env->privates) : NULL;
    if (!private) {
        pool_put(env->objects, object);
        return NULL;
    }
    object->private = private;
    private->env = env;
    private->expansion = &private->own_expansion;
    return object;
}

/* A router is no object: what is found in it belongs to what the router belongs to. */
static void set_parent(struct object *object, struct object *parent)
{
    if (!parent)
        return;
    bool router = parent->private->container != NULL;
    object->parent = router ? parent->parent : parent;
    object->depth = (uint8_t)(parent->depth + !router);
    object->private->expansion = parent->private->expansion;
    object->private->level = (uint8_t)(parent->private->level + 1);
}

/* Memory refused it. What a router hands on belongs to the router's carrier, so only a real parent has the bytes. */
static struct object *refuse(struct object_env *env, const struct object *parent)
{
    count_add(env->counters, COUNT_OBJECT_REFUSED, 1);
    bool kept = parent && parent != &env->refused && !parent->private->container;
    return kept ? NULL : &env->refused;
}

struct object *object_begin(struct object_env *env, const struct object_info *info)
{
    if (info->parent == &env->refused)
        return refuse(env, info->parent);
    if (info->parent && info->parent->opened && !info->parent->private->reading)
        return NULL;
    /* The deepest level may still be searched: what is found there is not opened in turn. */
    if (info->parent && info->parent->private->level > env->limits.nesting) {
        count_add(env->counters, COUNT_OBJECT_REFUSED, 1);
        return NULL;
    }
    struct object *object = allocate(env);
    if (!object)
        return refuse(env, info->parent);
    object->flow = info->flow;
    object->sender = info->sender;
    object->meta = meta_hold(info->meta);
    set_parent(object, info->parent);
    object->tx_id = info->tx_id;
    object->other_reading = info->other_reading || (info->parent && info->parent->other_reading);
    object->ordinal = object_ordinal(env, info);
    object->expected_size = info->expected_size;
    object->begin_ns = object->last_ns = info->time_ns;
    copy_path(object, info->parent, info->path);
    object_set_type(object, info->declared_type.data, info->declared_type.len);
    object_set_name(object, info->name.data, info->name.len);
    if (!prepare(env, object, info)) {
        release(env, object);
        return refuse(env, info->parent);
    }
    if (!object->private->container) {
        count_add(env->counters, COUNT_OBJECT_BEGUN, 1);
        env->observer.begin(env->observer.user, object);
    }
    return object;
}

static void set_damaged(struct object_env *env, struct object *object)
{
    if (!object->damaged)
        count_add(env->counters, COUNT_OBJECT_DECODE_ERRORS, 1);
    object->damaged = true;
}

void object_data(struct object_env *env, struct object *object, const uint8_t *data, size_t len)
{
    if (!object || !len)
        return;
    if (object == &env->refused) {
        count_add(env->counters, COUNT_OBJECT_SHED_BYTES, len);
        return;
    }
    object->last_ns = env->now_ns;
    object->private->own_expansion.in += len;
    if (!object->private->coding)
        decoded(object, data, len);
    else if (!coding_feed(object->private->coding, data, len))
        set_damaged(env, object);
}

void object_gap(struct object_env *env, struct object *object, uint64_t len)
{
    struct object_private *private;
    if (!object || object == &env->refused || !len)
        return;
    private = object->private;
    object->last_ns = env->now_ns;
    object->gaps = true;
    if (!private->coding) {
        decoded_gap(object, len);
    } else if (private->behind) {
        object_gap(env, private->behind, len);
    } else if (!coding_gap(private->coding, len) && !object->damaged) {
        object->damaged = true; /* by the gap, not by its sender: no decode error */
        if (private->container)
            private->container->ops->gap(private->container, 0);
    }
}

static void finish_digest(struct object *object)
{
    unsigned len = 0;
    bool done =
        EVP_DigestFinal_ex(object->private->digest, object->sha256, &len) == 1 && len == 32;
    object->has_sha256 = done && object->state == OBJECT_CLOSED;
}

/* Two readings of a stream have most objects in common. */
static void compare_readings(struct object_env *env, struct object *object)
{
    if (!object->flow)
        return;
    struct ended *next = &env->ended[env->ended_next++ % ENDED_KEPT];
    const struct ended ended = {.flow = object->flow->id,
                                .size = object->size,
                                .sender = (uint8_t)object->sender,
                                .whole = object->has_sha256};
    for (unsigned i = 0; object->other_reading && i < ENDED_KEPT && !object->repeated; i++) {
        const struct ended *e = &env->ended[i];
        object->repeated = e->flow == ended.flow && e->size == ended.size &&
                           e->sender == ended.sender && e->whole >= ended.whole &&
                           memcmp(e->sha256, object->sha256, sizeof(e->sha256)) == 0;
    }
    *next = ended;
    memcpy(next->sha256, object->sha256, sizeof(next->sha256));
}

/* The last bytes out of the codings, and whether all of them came. */
static void finish_coding(struct object_env *env, struct object *object, enum object_state state)
{
    struct object_private *private = object->private;
    if (!coding_finish(private->coding) && !object->damaged) {
        object->damaged = true;
        if (state == OBJECT_CLOSED)
            count_add(env->counters, COUNT_OBJECT_DECODE_ERRORS, 1);
    }
    object_end(env, private->behind, state);
    private->behind = NULL;
}

/* The members end before the archive does, as its state tells them. */
static void close_archive(struct object *object)
{
    struct object_private *private = object->private;
    if (!private->archive)
        return;
    private->reading = true;
    container_close(private->archive, object->state);
    private->reading = false;
    private->archive = NULL;
}

void object_end(struct object_env *env, struct object *object, enum object_state state)
{
    if (!object || object == &env->refused)
        return;
    struct object_private *private = object->private;
    if (private->coding)
        finish_coding(env, object, state);
    bool short_of =
        object->expected_size != OBJECT_SIZE_UNKNOWN && object->size < object->expected_size;
    if (object->gaps || object->damaged || (short_of && !private->container))
        state = OBJECT_TRUNCATED;
    object->state = state == OBJECT_CLOSED ? OBJECT_CLOSED : OBJECT_TRUNCATED;
    if (private->container) {
        container_close(private->container, object->state);
    } else {
        close_archive(object);
        finish_digest(object);
        compare_readings(env, object);
        count_add(env->counters,
                  object->state == OBJECT_CLOSED ? COUNT_OBJECT_CLOSED : COUNT_OBJECT_TRUNCATED, 1);
        env->observer.end(env->observer.user, object);
    }
    release(env, object);
}

static struct object *sink_begin(void *user, const struct object_info *info)
{
    return object_begin(user, info);
}

static void sink_data(void *user, struct object *object, const uint8_t *data, size_t len)
{
    object_data(user, object, data, len);
}

static void sink_gap(void *user, struct object *object, uint64_t len)
{
    object_gap(user, object, len);
}

static void sink_end(void *user, struct object *object, enum object_state state)
{
    object_end(user, object, state);
}

static void sink_set_name(void *user, struct object *object, const void *name, size_t len)
{
    (void)user;
    object_set_name(object, name, len);
}

struct object_sink object_env_sink(struct object_env *env)
{
    return (struct object_sink){env, sink_begin, sink_data, sink_gap, sink_end, sink_set_name};
}
