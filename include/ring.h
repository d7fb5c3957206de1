/* A single-producer single-consumer ring of pointers: how a worker hands finished events to the output
 * thread. No lock; one release store and one acquire load a side. The slots own nothing: whoever pops a
 * pointer owns what it points to.
 *
 *      tail (consumer) ---->  [ x x x . . . ]  <---- head (producer)
 *      invariant: 0 <= head - tail <= capacity, both only grow
 */
#ifndef DLP_RING_H
#define DLP_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring;
struct ring *ring_new(size_t capacity); /* rounded up to a power of two; aborts when memory is out at start */
void ring_free(struct ring *ring);
bool ring_push(struct ring *ring, void *item); /* producer; false when full */
void *ring_pop(struct ring *ring);             /* consumer; NULL when empty */
size_t ring_depth(const struct ring *ring);    /* either side; approximate */

#endif
