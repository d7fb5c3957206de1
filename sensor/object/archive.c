/* Members of archives. A member is an object from its first byte on, so that directories and empty
 * files make none, and its bytes go through a coding of its own. */
#include <stdio.h>
#include <string.h>

#include "archive.h"
#include "env.h"

static void begin(struct member *m)
{
    char path[OBJECT_NAME_MAX + 32];
    struct object_info info = m->container->base;
    snprintf(path, sizeof(path), "%s:%.*s", m->kind, (int)m->name_len, m->name);
    info.path = path;
    info.name = (struct text){m->name, m->name_len};
    info.expected_size = m->expected_size;
    info.time_ns = m->container->env->now_ns;
    m->object = object_begin(m->container->env, &info);
    m->begun = true;
}

static bool from_coding(void *user, const uint8_t *data, size_t len)
{
    struct member *m = user;
    if (!len)
        return true;
    if (!m->begun)
        begin(m);
    object_data(m->container->env, m->object, data, len);
    return true;
}

static bool gap_from_coding(void *user, uint64_t len)
{
    struct member *m = user;
    if (!m->begun)
        begin(m);
    object_gap(m->container->env, m->object, len);
    return true;
}

static void behind_coding(void *user, const uint8_t *data, size_t len, bool damaged)
{
    struct member *m = user;
    (void)data;
    if (!damaged)
        m->behind += len;
}

void member_open(struct member *m, struct container *container, const char *kind, const char *name,
                 size_t name_len, const char *encoding)
{
    memset(m, 0, sizeof(*m));
    m->container = container;
    m->kind = kind;
    m->open = true;
    m->expected_size = OBJECT_SIZE_UNKNOWN;
    m->name_len = name_len < sizeof(m->name) ? name_len : sizeof(m->name);
    if (m->name_len)
        memcpy(m->name, name, m->name_len);
    if (!encoding)
        return;
    const struct coding_sink sink = {{from_coding, gap_from_coding, m}, behind_coding};
    struct expansion *expansion = container->router->private->expansion;
    m->coding = coding_begin(container->env, (struct text){encoding, strlen(encoding)}, &sink,
                             expansion, &m->damaged);
}

/* A member whose coding fails with its first bytes was perhaps never coded: they are shown as they
 * are. */
size_t member_data(struct member *m, struct stray *stray, const uint8_t *data, size_t len)
{
    bool was_damaged = m->damaged;
    if (!len)
        return 0;
    m->behind = 0;
    if (!m->coding)
        from_coding(m, data, len);
    else if (!coding_feed(m->coding, data, len))
        m->damaged = true;
    if (m->coding && m->damaged && (was_damaged || !m->begun)) {
        stray->lost = true;
        stray_data(stray, m->container, m->kind, data, len);
    }
    m->bytes += len - m->behind;
    return len - m->behind;
}

void member_gap(struct member *m, uint64_t len)
{
    if (!m->coding)
        gap_from_coding(m, len);
    else if (!coding_gap(m->coding, len))
        m->damaged = true;
    m->bytes += len;
}

bool member_ended(const struct member *m)
{
    return m->coding && coding_ended(m->coding);
}

void member_end(struct member *m, enum object_state state)
{
    if (!m->open)
        return;
    if (m->coding && !coding_finish(m->coding))
        m->damaged = true;
    coding_end(m->container->env, m->coding);
    if (m->object && m->damaged)
        m->object->damaged = true;
    object_end(m->container->env, m->object, state);
    memset(m, 0, sizeof(*m));
}

/* Zeros before the first byte are padding, however the bytes come. */
static size_t padding(const uint8_t *data, size_t len)
{
    size_t i = 0;
    while (i < len && !data[i])
        i++;
    return i;
}

void stray_data(struct stray *stray, struct container *container, const char *kind,
                const uint8_t *data, size_t len)
{
    if (!stray->member.open) {
        size_t skipped = stray->held_len ? 0 : padding(data, len);
        data += skipped;
        len -= skipped;
        if (len <= sizeof(stray->held) - stray->held_len) {
            memcpy(stray->held + stray->held_len, data, len);
            stray->held_len += len;
            return;
        }
        member_open(&stray->member, container, kind, "behind", 6, NULL);
        stray->member.damaged = stray->lost;
        from_coding(&stray->member, stray->held, stray->held_len);
    }
    from_coding(&stray->member, data, len);
}

void stray_gap(struct stray *stray, uint64_t len)
{
    if (stray->member.open)
        member_gap(&stray->member, len);
    stray->lost = true;
}

void stray_end(struct stray *stray, enum object_state state)
{
    member_end(&stray->member, state);
    stray->held_len = 0;
    stray->lost = false;
}
