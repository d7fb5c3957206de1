/* Rules as alerts speak of them, apart from the compiled set, which is large and goes as soon as no
 * worker uses it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset.h"

#define TEXTS 7

/* The texts of a rule; `file` is the end of its path. */
static void texts_of(struct rule *rule, const char ***texts)
{
    texts[0] = &rule->name;
    texts[1] = &rule->category;
    texts[2] = &rule->description;
    texts[3] = &rule->reference;
    texts[4] = &rule->confidence;
    texts[5] = &rule->evidence;
    texts[6] = &rule->path;
}

static size_t texts_size(struct rule *rule)
{
    const char **texts[TEXTS];
    size_t size = 0;
    texts_of(rule, texts);
    for (unsigned i = 0; i < TEXTS; i++)
        size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
    return size;
}

static char *keep_texts(struct rule *rule, char *at)
{
    const char **texts[TEXTS];
    texts_of(rule, texts);
    for (unsigned i = 0; i < TEXTS; i++) {
        size_t size = *texts[i] ? strlen(*texts[i]) + 1 : 0;
        if (!size)
            continue;
        memcpy(at, *texts[i], size);
        *texts[i] = at;
        at += size;
    }
    const char *slash = strrchr(rule->path, '/');
    rule->file = slash ? slash + 1 : rule->path;
    return at;
}

struct rule_book *rule_book_new(const struct rule *rules, uint32_t count, const char *digest)
{
    struct rule_book *book = calloc(1, sizeof(*book));
    size_t size = 1;
    if (book)
        book->rules = calloc((size_t)count + 1, sizeof(*book->rules));
    if (!book || !book->rules)
        abort(); /* compiling rules, with no memory left for their names */
    atomic_init(&book->references, 1);
    memcpy(book->rules, rules, count * sizeof(*rules));
    for (uint32_t i = 0; i < count; i++)
        size += texts_size(&book->rules[i]);
    char *at = book->texts = malloc(size);
    if (!at)
        abort();
    snprintf(book->digest, sizeof(book->digest), "%s", digest);
    for (uint32_t i = 0; i < count; i++) {
        at = keep_texts(&book->rules[i], at);
        book->rules[i].book = book;
        book->rules[i].digest = book->digest;
    }
    return book;
}

void rule_book_drop(struct rule_book *book)
{
    if (!book || atomic_fetch_sub(&book->references, 1) != 1)
        return;
    free(book->rules);
    free(book->texts);
    free(book);
}

void rule_hold(const struct rule *rule)
{
    atomic_fetch_add(&rule->book->references, 1);
}

void rule_drop(const struct rule *rule)
{
    rule_book_drop(rule->book);
}
