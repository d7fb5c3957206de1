/* What the archive readers share: a member that becomes an object with its first byte, and the
 * bytes between members. */
#ifndef DLP_OBJECT_ARCHIVE_H
#define DLP_OBJECT_ARCHIVE_H

#include "coding.h"
#include "container.h"

#define STRAY_BYTES 32 /* between members: a descriptor, padding; more of them are content */

struct member {
    struct container *container;
    struct object *object;
    struct coding *coding;
    const char *kind; /* static: "zip" */
    bool open, begun;
    bool damaged;   /* it cannot be decoded: its object has the coded bytes */
    size_t behind;  /* bytes of the last call that stand behind the coded stream */
    uint64_t bytes; /* of the archive that were taken */
    uint64_t expected_size;
    size_t name_len;
    char name[OBJECT_NAME_MAX];
};

/* `encoding` is one token of codec_list.def, or NULL. Set expected_size and damaged after. */
void member_open(struct member *member, struct container *container, const char *kind,
                 const char *name, size_t name_len, const char *encoding);
void member_gap(struct member *member, uint64_t len);
bool member_ended(const struct member *member); /* its coded stream did */
/* Nothing happens when none is open. */
void member_end(struct member *member, enum object_state state);

/* Bytes that belong to no member: an object "<kind>:behind" once they are more than filling. */
struct stray {
    struct member member;
    uint8_t held[STRAY_BYTES];
    size_t held_len;
    bool lost; /* a gap stands before them: where they begin is not known */
};
void stray_data(struct stray *stray, struct container *container, const char *kind,
                const uint8_t *data, size_t len);
/* Bytes are missing where members or strays would be. */
void stray_gap(struct stray *stray, uint64_t len);
/* Bytes of a member. Returns how many are its: fewer than `len` when its coded stream ended. Those
 * that cannot be decoded go astray. */
size_t member_data(struct member *member, struct stray *stray, const uint8_t *data, size_t len);
void stray_end(struct stray *stray, enum object_state state); /* what is held is filling */

#endif
