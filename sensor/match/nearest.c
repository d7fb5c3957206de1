/* "Did you mean": the optimal string alignment distance (Damerau 1964) to the names of the facts. */
#include <string.h>

#include "ruleset.h"

#define NAME_MAX_LEN 64

unsigned edit_distance(const char *a, size_t a_len, const char *b, size_t b_len, unsigned limit)
{
    unsigned rows[3][NAME_MAX_LEN + 1];
    if (a_len > NAME_MAX_LEN || b_len > NAME_MAX_LEN)
        return limit + 1;
    for (unsigned j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a_len; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (unsigned j = 1; j <= b_len; j++) {
            unsigned best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two_above[j - 2] + 1 < best)
                best = two_above[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[a_len % 3][b_len];
}

const char *fact_nearest(const char *word, size_t len)
{
    unsigned limit = len < 5 ? 1 : len < 9 ? 2 : 3;
    const char *best = NULL;
    unsigned best_distance = limit + 1;
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        const char *name = FACT_INFO[i].name;
        unsigned distance = edit_distance(word, len, name, strlen(name), limit);
        if (distance < best_distance) {
            best = name;
            best_distance = distance;
        }
    }
    return best;
}
