/* Files from pieces. See assembly.h. The list of held ranges is short and mostly appended to. */
#include "assembly.h"


void assembly_memory_open(struct assembly_memory *memory, struct mem *mem)
{
    memory->ranges = pool_new(mem, MEM_REASSEMBLY, sizeof(struct assembly_range));
    memory->bytes = buffer_heap_new(mem, MEM_REASSEMBLY);
}

void assembly_memory_close(struct assembly_memory *memory)
{
    pool_free(memory->ranges);
    buffer_heap_free(memory->bytes);
}

static void begin(struct app_session *session, struct assembly *file, const struct object_info *info, uint64_t at)
{
    const struct object_sink *sink = app_objects(session);
    if (file->begun)
        return;
    file->begun = true;
    file->late = at != 0;
    file->next = at;
    if (app_is_content(session, info->sender))
        file->object = sink->begin(sink->user, info);
}

static void pass(struct app_session *session, struct assembly *file, const uint8_t *data, size_t len)
{
    const struct object_sink *sink = app_objects(session);
    if (file->object)
        sink->data(sink->user, file->object, data, len);
    file->next += len;
}

static void pass_gap(struct app_session *session, struct assembly *file, uint64_t len)
{
    const struct object_sink *sink = app_objects(session);
    if (file->object)
        sink->gap(sink->user, file->object, len);
    file->missing = true;
    file->next += len;
}

static void drop_range(struct assembly_memory *memory, struct assembly *file, struct assembly_range *range)
{
    file->held -= range->bytes.len;
    file->count--;
    buffer_release(memory->bytes, &range->bytes);
    pool_put(memory->ranges, range);
}

/* Held ranges that the place waited for has reached. */
static void drain(struct app_session *session, struct assembly_memory *memory, struct assembly *file)
{
    while (file->ranges && file->ranges->at <= file->next) {
        struct assembly_range *range = file->ranges;
        uint64_t known = file->next - range->at;
        file->ranges = range->next;
        if (known < range->bytes.len)
            pass(session, file, range->bytes.data + known, range->bytes.len - (size_t)known);
        drop_range(memory, file, range);
    }
}

/* The hole before the first held range will not be filled. */
static void give_up_hole(struct app_session *session, struct assembly_memory *memory, struct assembly *file,
                         const struct object_info *info)
{
    begin(session, file, info, file->ranges->at);
    if (file->ranges->at > file->next)
        pass_gap(session, file, file->ranges->at - file->next);
    drain(session, memory, file);
}

/* Keeps the first bytes of `data` that no held range has; *taken says how many are dealt with. */
static bool hold_some(struct assembly_memory *memory, struct assembly *file, uint64_t at, const uint8_t *data,
                      size_t len, size_t *taken)
{
    struct assembly_range **link = &file->ranges, *before = NULL;
    while (*link && (*link)->at <= at) {
        before = *link;
        link = &before->next;
    }
    uint64_t before_end = before ? before->at + before->bytes.len : 0;
    if (before && at < before_end) {
        *taken = before_end - at < len ? (size_t)(before_end - at) : len;
        return true;
    }
    if (*link && (*link)->at - at < len)
        len = (size_t)((*link)->at - at);
    *taken = len;
    if (file->held + len > ASSEMBLY_HELD_MAX)
        return false;
    if (!before || at != before_end) {
        before = file->count < ASSEMBLY_RANGES_MAX ? pool_get_zeroed(memory->ranges) : NULL;
        if (!before)
            return false;
        before->at = at;
        before->next = *link;
        *link = before;
        file->count++;
    }
    if (!buffer_append(memory->bytes, &before->bytes, data, len))
        return false;
    file->held += len;
    return true;
}

/* Keeps bytes for later; returns how many before memory or the bound refused. */
static size_t hold(struct assembly_memory *memory, struct assembly *file, uint64_t at, const uint8_t *data, size_t len)
{
    size_t done = 0, taken;
    while (done < len && hold_some(memory, file, at + done, data + done, len - done, &taken))
        done += taken;
    return done;
}

uint32_t assembly_page_again(const struct assembly *file, uint64_t at, uint64_t len)
{
    enum { PAGE = 4096 };
    bool grows = file->begun && at < file->next && len > file->next - at;
    return grows && at % PAGE == 0 && file->next - at < PAGE ? (uint32_t)(file->next - at) : 0;
}

static void end_again(struct app_session *session, struct assembly *file, enum object_state state)
{
    const struct object_sink *sink = app_objects(session);
    if (file->again)
        sink->end(sink->user, file->again, state);
    file->again = NULL;
    file->again_begun = false;
}

static void write_again(struct app_session *session, struct assembly *file, const struct object_info *info,
                        uint64_t at, const uint8_t *data, size_t len)
{
    const struct object_sink *sink = app_objects(session);
    if (file->again_begun && at != file->again_next)
        end_again(session, file, OBJECT_TRUNCATED);
    if (!file->again_begun) {
        file->again_begun = file->rewritten = true;
        file->again_at = file->again_next = at;
        if (app_is_content(session, info->sender))
            file->again = sink->begin(sink->user, info);
    }
    if (file->again)
        sink->data(sink->user, file->again, data, len);
    file->again_next += len;
}

void assembly_write(struct app_session *session, struct assembly_memory *memory, struct assembly *file,
                    const struct object_info *info, uint64_t at, const uint8_t *data, size_t len)
{
    if (!len || at > UINT64_MAX - len)
        return;
    if (at + len > file->end)
        file->end = at + len;
    if (file->begun && at < file->next && !file->repeats) {
        size_t known = file->next - at < len ? (size_t)(file->next - at) : len;
        write_again(session, file, info, at, data, known);
        at += known;
        data += known;
        len -= known;
        if (!len)
            return;
    }
    while (at > file->next || (!file->begun && at)) {
        size_t held = hold(memory, file, at, data, len);
        at += held;
        data += held;
        len -= held;
        if (!len)
            return;
        if (!file->ranges)
            break;
        give_up_hole(session, memory, file, info);
    }
    begin(session, file, info, at);
    if (at > file->next)
        pass_gap(session, file, at - file->next);
    uint64_t known = file->next - at;
    if (known < len)
        pass(session, file, data + known, len - (size_t)known);
    drain(session, memory, file);
}

void assembly_gap(struct app_session *session, struct assembly_memory *memory, struct assembly *file,
                  const struct object_info *info, uint64_t at, uint64_t len)
{
    if (!len || at > UINT64_MAX - len)
        return;
    if (at + len > file->end)
        file->end = at + len;
    if (at > file->next || at + len <= file->next)
        return; /* missing when its turn comes */
    begin(session, file, info, at);
    pass_gap(session, file, at + len - file->next);
    drain(session, memory, file);
}

void assembly_end(struct app_session *session, struct assembly_memory *memory, struct assembly *file,
                  const struct object_info *info, bool closed, uint64_t size)
{
    const struct object_sink *sink = app_objects(session);
    while (file->ranges)
        give_up_hole(session, memory, file, info);
    bool all = closed && file->next >= file->end && (size == OBJECT_SIZE_UNKNOWN || file->next == size);
    bool whole = all && !file->late && !file->missing && !file->rewritten;
    bool replaced = all && !file->again_at && file->again_next == file->next;
    if (file->object)
        sink->end(sink->user, file->object, whole ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    end_again(session, file, replaced ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    *file = (struct assembly){.repeats = file->repeats};
}
