/* What a compiled set tells about its rules. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ruleset.h"

struct placed { /* a rule as the text shows it */
    struct rule_place place;
    size_t len; /* of its name */
};

struct reading {
    struct rule_set *set;
    const struct source *source;
    struct placed *placed;
    size_t placed_count;
};

static void on_word(void *user, enum source_word kind, const char *word, size_t len, unsigned line)
{
    struct reading *r = user;
    if (kind == WORD_RULE) {
        if ((r->placed_count & (r->placed_count - 1)) == 0) {
            size_t room = r->placed_count ? r->placed_count * 2 : 1;
            r->placed = realloc(r->placed, room * sizeof(r->placed[0]));
            if (!r->placed)
                abort(); /* compiling rules, with no memory left for their lines */
        }
        r->placed[r->placed_count++] = (struct placed){{r->source, word, line}, len};
        return;
    }
    if (kind != WORD_PLAIN)
        return;
    if (len == 10 && memcmp(word, "entrypoint", 10) == 0)
        r->set->uses_entrypoint = true;
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        const char *name = FACT_INFO[i].name;
        if (name[0] == word[0] && strlen(name) == len && memcmp(name, word, len) == 0)
            r->set->uses[i] = true;
    }
}

/* Where a rule of `unit` stands. Rules come in the order of their text, so the search goes on from the last. */
static const struct placed *find_placed(const struct reading *r, unsigned unit, const char *name, size_t *from)
{
    size_t len = strlen(name);
    for (size_t n = 0; n < r->placed_count; n++) {
        size_t i = (*from + n) % r->placed_count;
        const struct placed *p = &r->placed[i];
        if (p->place.source->unit == unit && p->len == len && memcmp(p->place.name, name, len) == 0) {
            *from = i + 1;
            return p;
        }
    }
    return NULL;
}

static uint8_t severity_of(const YR_META *meta)
{
    static const char *const words[] = {"critical", "high", "medium", "low"};
    if (meta->type == META_TYPE_INTEGER && meta->integer >= 1 && meta->integer <= 4)
        return (uint8_t)meta->integer;
    for (uint8_t i = 0; meta->type == META_TYPE_STRING && i < 4; i++) {
        if (strcasecmp(meta->string, words[i]) == 0)
            return (uint8_t)(i + 1);
    }
    return 3;
}

void rule_read_metadata(struct rule *rule, const YR_RULE *yara)
{
    const YR_META *meta;
    yr_rule_metas_foreach(yara, meta)
    {
        const char *key = meta->identifier, *value = meta->string;
        if (strcmp(key, "severity") == 0)
            rule->severity = severity_of(meta);
        if (meta->type != META_TYPE_STRING)
            continue;
        if (strcmp(key, "category") == 0)
            rule->category = value;
        else if (strcmp(key, "description") == 0)
            rule->description = value;
        else if (strcmp(key, "reference") == 0)
            rule->reference = value;
        else if (strcmp(key, "confidence") == 0)
            rule->confidence = value;
        else if (strcmp(key, "evidence") == 0)
            rule->evidence = value;
    }
}

static void read_rule(struct rule_set *set, const YR_RULE *yara, uint32_t index)
{
    const struct rule_place *place = &set->places[index];
    struct rule *rule = &set->rules[set->count];
    if (RULE_IS_PRIVATE(yara) || rule_is_override(yara))
        return;
    rule->name = yara->identifier;
    rule->path = place->source ? place->source->path : yara->ns->name;
    rule->line = place->line;
    rule->index = set->count++;
    rule->category = "uncategorised";
    rule->description = "";
    rule->severity = 3;
    rule_read_metadata(rule, yara);
    set->by_yara[index] = rule;
}

static void read_rules(struct rule_set *set, const struct reading *r, size_t units)
{
    const YR_RULE *yara;
    size_t unit = 0, from = 0;
    set->yara_count = set->yara->num_rules;
    set->rules = calloc((size_t)set->yara_count + 1, sizeof(*set->rules));
    set->by_yara = calloc((size_t)set->yara_count + 1, sizeof(*set->by_yara));
    set->places = calloc((size_t)set->yara_count + 1, sizeof(*set->places));
    if (!set->rules || !set->by_yara || !set->places)
        abort(); /* compiling rules, with no memory left for their names */
    uint32_t index = 0;
    yr_rules_foreach(set->yara, yara)
    {
        while (unit + 1 < units && strcmp(set->sources.items[unit].path, yara->ns->name) != 0)
            unit++; /* compiled in this order */
        const struct placed *placed = find_placed(r, (unsigned)unit, yara->identifier, &from);
        if (placed)
            set->places[index] = placed->place;
        read_rule(set, yara, index++);
    }
}

static void read_digest(struct rule_set *set)
{
    uint8_t digest[32];
    unsigned len = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
        abort(); /* an OpenSSL without SHA-256 */
    for (size_t i = 0; i < set->sources.count; i++) {
        const struct source *source = &set->sources.items[i];
        const char *slash = strrchr(source->path, '/');
        const char *name = slash ? slash + 1 : source->path;
        uint64_t size = source->len;
        EVP_DigestUpdate(ctx, name, strlen(name) + 1);
        EVP_DigestUpdate(ctx, &size, sizeof(size));
        EVP_DigestUpdate(ctx, source->text, source->len);
    }
    EVP_DigestFinal_ex(ctx, digest, &len);
    EVP_MD_CTX_free(ctx);
    for (unsigned i = 0; i < 32; i++)
        snprintf(set->digest + (size_t)i * 2, 3, "%02x", digest[i]);
}

void rule_set_read(struct rule_set *set, size_t units)
{
    struct reading r = {set, NULL, NULL, 0};
    for (size_t i = 0; i < set->sources.count; i++) {
        r.source = &set->sources.items[i];
        source_words(r.source->text, r.source->len, on_word, &r);
    }
    read_rules(set, &r, units);
    read_digest(set);
    free(r.placed);
}

static int by_name(const void *a, const void *b)
{
    const struct rule *const *x = a, *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);
    return order ? order : (*x)->index < (*y)->index ? -1 : 1;
}

void rule_set_tell_twins(const struct rule_set *set, rule_say say, void *user)
{
    const struct rule **sorted = calloc((size_t)set->count + 1, sizeof(*sorted));
    if (!sorted)
        return; /* only a warning is lost */
    for (uint32_t i = 0; i < set->count; i++)
        sorted[i] = &set->rules[i];
    qsort(sorted, set->count, sizeof(*sorted), by_name);
    for (uint32_t i = 1; i < set->count; i++) {
        char text[8400];
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) != 0)
            continue;
        snprintf(text, sizeof(text), "%s:%u: warning: a rule \"%s\" stands in %s:%u too; both are in force",
                 sorted[i]->path, sorted[i]->line, sorted[i]->name, sorted[i - 1]->path, sorted[i - 1]->line);
        say(user, false, text);
    }
    free(sorted);
}
