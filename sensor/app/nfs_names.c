/* Names of file handles. A handle says nothing of its name, so every answer that pairs the two is remembered: the
 * handle, the directory's handle and the name in it, from which paths are built up to the root of a share. An entry
 * is found by its handle and by its place (directory and name), for renames. The one learned or used longest ago
 * goes when the table is full. */
#include "nfs.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 2048
#define ENTRIES_MAX 8192
#define DEPTH_MAX 32

struct entry {
    struct entry *next_handle, *next_place; /* in their buckets */
    struct entry *newer, *older;
    uint64_t handle, directory, place; /* place: 0 while it has none */
    uint64_t alias;                    /* the handle it is another of, or 0 */
    uint8_t len;
    char text[NFS_NAME_MAX];
};

struct nfs_names {
    struct pool *pool;
    struct hash_key key;
    size_t count;
    struct entry *newest, *oldest;
    struct entry *handles[BUCKETS], *places[BUCKETS];
};

struct nfs_names *nfs_names_new(struct mem *mem)
{
    struct nfs_names *names = calloc(1, sizeof(*names));
    if (!names)
        abort(); /* only at start */
    names->pool = pool_new(mem, MEM_FLOW, sizeof(struct entry));
    hash_key_random(&names->key);
    return names;
}

static uint64_t place_of(const struct nfs_names *names, uint64_t directory, const char *name, size_t len)
{
    uint8_t key[8 + NFS_NAME_MAX];
    len = len < NFS_NAME_MAX ? len : NFS_NAME_MAX;
    memcpy(key, &directory, 8);
    memcpy(key + 8, name, len);
    return hash_bytes(&names->key, key, 8 + len) | 1;
}

static struct entry *find(const struct nfs_names *names, uint64_t handle)
{
    struct entry *entry = names->handles[handle / 2 % BUCKETS];
    while (entry && entry->handle != handle)
        entry = entry->next_handle;
    return entry;
}

uint64_t nfs_names_handle(const struct nfs_names *names, const struct ip_addr *server, const void *handle, size_t len)
{
    uint8_t key[sizeof(server->bytes) + NFS_HANDLE_MAX];
    len = len < NFS_HANDLE_MAX ? len : NFS_HANDLE_MAX;
    memcpy(key, server->bytes, sizeof(server->bytes));
    if (len)
        memcpy(key + sizeof(server->bytes), handle, len);
    uint64_t number = hash_bytes(&names->key, key, sizeof(server->bytes) + len) | 1;
    const struct entry *entry = find(names, number);
    return entry && entry->alias ? entry->alias : number;
}

static struct entry *find_place(const struct nfs_names *names, uint64_t place)
{
    struct entry *entry = names->places[place / 2 % BUCKETS];
    while (entry && entry->place != place)
        entry = entry->next_place;
    return entry;
}

static void unlink_place(struct nfs_names *names, struct entry *entry)
{
    if (!entry->place)
        return;
    struct entry **at = &names->places[entry->place / 2 % BUCKETS];
    while (*at != entry)
        at = &(*at)->next_place;
    *at = entry->next_place;
    entry->place = 0;
}

static void link_place(struct nfs_names *names, struct entry *entry, uint64_t directory, const char *name, size_t len)
{
    entry->directory = directory;
    entry->len = (uint8_t)(len < NFS_NAME_MAX ? len : NFS_NAME_MAX);
    memcpy(entry->text, name, entry->len);
    entry->place = place_of(names, directory, name, len);
    struct entry **bucket = &names->places[entry->place / 2 % BUCKETS];
    entry->next_place = *bucket;
    *bucket = entry;
}

static void unlink_age(struct nfs_names *names, struct entry *entry)
{
    *(entry->newer ? &entry->newer->older : &names->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &names->oldest) = entry->newer;
}

static void link_age(struct nfs_names *names, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = names->newest;
    *(names->newest ? &names->newest->newer : &names->oldest) = entry;
    names->newest = entry;
}

static void forget(struct nfs_names *names, struct entry *entry)
{
    struct entry **at = &names->handles[entry->handle / 2 % BUCKETS];
    while (*at != entry)
        at = &(*at)->next_handle;
    *at = entry->next_handle;
    unlink_place(names, entry);
    unlink_age(names, entry);
    names->count--;
    pool_put(names->pool, entry);
}

void nfs_names_free(struct nfs_names *names)
{
    while (names->oldest)
        forget(names, names->oldest);
    pool_free(names->pool);
    free(names);
}

uint64_t nfs_names_child(const struct nfs_names *names, uint64_t directory, const char *name, size_t len)
{
    if (!directory)
        return 0;
    uint64_t place = place_of(names, directory, name, len);
    const struct entry *entry = find_place(names, place);
    return entry ? entry->handle : place;
}

/* The handle's entry, made when it is new; the youngest now. */
static struct entry *entry_of(struct nfs_names *names, uint64_t handle)
{
    struct entry *entry = find(names, handle);
    if (entry) {
        unlink_age(names, entry);
    } else {
        if (names->count >= ENTRIES_MAX)
            forget(names, names->oldest);
        if (!(entry = pool_get_zeroed(names->pool)))
            return NULL;
        names->count++;
        entry->handle = handle;
        struct entry **bucket = &names->handles[handle / 2 % BUCKETS];
        entry->next_handle = *bucket;
        *bucket = entry;
    }
    link_age(names, entry);
    return entry;
}

void nfs_names_learn(struct nfs_names *names, uint64_t handle, uint64_t directory, const char *name, size_t len)
{
    if (!handle || !len || (len == 1 && name[0] == '.') || (len == 2 && memcmp(name, "..", 2) == 0))
        return;
    struct entry *entry = entry_of(names, handle);
    if (!entry)
        return;
    unlink_place(names, entry);
    link_place(names, entry, directory, name, len);
}

void nfs_names_alias(struct nfs_names *names, uint64_t handle, uint64_t of)
{
    struct entry *entry = handle && of && handle != of ? entry_of(names, handle) : NULL;
    if (entry)
        entry->alias = of;
}

void nfs_names_rename(struct nfs_names *names, uint64_t from, const char *old, size_t old_len, uint64_t to,
                      const char *name, size_t len)
{
    struct entry *entry = from && to ? find_place(names, place_of(names, from, old, old_len)) : NULL;
    if (entry)
        nfs_names_learn(names, entry->handle, to, name, len);
}

/* Written from its end to its beginning, as the directories are found. */
size_t nfs_names_path(struct nfs_names *names, uint64_t handle, char out[NFS_PATH_MAX], struct text *share)
{
    struct entry *entry = find(names, handle);
    size_t at = NFS_PATH_MAX;
    *share = (struct text){NULL, 0};
    if (entry) {
        unlink_age(names, entry);
        link_age(names, entry);
    }
    for (unsigned depth = 0; entry && depth < DEPTH_MAX; depth++) {
        if (entry->text[0] == '/') { /* no name in a directory has one: what MOUNT was asked for */
            *share = (struct text){entry->text, entry->len};
            break;
        }
        if (at < (size_t)entry->len + 1)
            break;
        if (depth)
            out[--at] = '/';
        at -= entry->len;
        memcpy(out + at, entry->text, entry->len);
        entry = find(names, entry->directory);
    }
    memmove(out, out + at, NFS_PATH_MAX - at);
    return NFS_PATH_MAX - at;
}
