/* Conditions that can never hold. What an `and` joins must hold together, so its comparisons narrow
 * down what each name in them can be; when nothing is left, neither it nor what stands around it
 * can hold. Nothing is said of what is not understood. Ranges are whole numbers; YARA's own names
 * (filesize, #a) count from 0 as facts do. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lint.h"

#define NAMES_MAX 64
#define DEPTH_MAX 64
#define TEXT_SHOWN 160

static const struct {
    enum fact_id fact;
    const char *value;
} VALUES[] = {
#define VALUE(fact, text) {FACT_##fact, text},
#include "value_list.def"
#undef VALUE
};
#define VALUE_COUNT (sizeof(VALUES) / sizeof(VALUES[0]))

/* object_type also says what any recogniser proves. */
static const struct recogniser *const RECOGNISERS[] = {
#define RECOGNISER(name) &recogniser_##name,
#include "recogniser_list.def"
#undef RECOGNISER
};
#define RECOGNISER_COUNT (sizeof(RECOGNISERS) / sizeof(RECOGNISERS[0]))

struct narrowed { /* what a name can still be */
    struct condition_text name;
    int64_t low, high;
    struct condition_text text; /* the one text it equals, quotes included; start NULL: any */
};

struct known {
    struct narrowed names[NAMES_MAX];
    unsigned count;
};

struct checking {
    const struct condition *condition;
    void (*warn)(void *user, unsigned line, const char *message);
    void *user;
};

static bool text_is(const struct condition_text *text, const char *word)
{
    return strlen(word) == text->len && memcmp(text->start, word, text->len) == 0;
}

static void tell(const struct checking *c, const struct condition_part *part, bool negated,
                 const char *why)
{
    char message[800];
    int shown = (int)(part->text.len < TEXT_SHOWN ? part->text.len : TEXT_SHOWN);
    snprintf(message, sizeof(message), "this can never hold: %s%.*s%s: %s", negated ? "not " : "",
             shown, part->text.start, part->text.len > TEXT_SHOWN ? "..." : "", why);
    for (char *p = message; *p; p++)
        *p = *p == '\n' || *p == '\r' || *p == '\t' ? ' ' : *p;
    c->warn(c->user, part->line, message);
}

/* 10, -3, 0x1f, 64KB, 2MB. */
static bool read_number(const struct condition_text *text, int64_t *value)
{
    char copy[40], *end;
    if (text->len == 0 || text->len >= sizeof(copy) ||
        !(isdigit((unsigned char)text->start[0]) || text->start[0] == '-'))
        return false;
    memcpy(copy, text->start, text->len);
    copy[text->len] = '\0';
    long long n = strtoll(copy, &end,
                          strncmp(copy, "0x", 2) == 0   ? 16
                          : strncmp(copy, "0o", 2) == 0 ? 8
                                                        : 10);
    int64_t unit = strcmp(end, "KB") == 0 ? 1024 : strcmp(end, "MB") == 0 ? 1024 * 1024 : 1;
    if ((*end && unit == 1) || n > INT64_MAX / unit || n < INT64_MIN / unit)
        return false;
    *value = (int64_t)n * unit;
    return true;
}

static bool is_text(const struct condition_text *text)
{
    return text->len >= 2 && text->start[0] == '"' && text->start[text->len - 1] == '"' &&
           !memchr(text->start, '\\', text->len);
}

/* A fact, filesize, or #string: what has the same value wherever it stands in the condition. */
static const struct fact_info *fact_of(const struct condition_text *name)
{
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        if (text_is(name, FACT_INFO[i].name))
            return &FACT_INFO[i];
    }
    return NULL;
}

static bool is_whole_number(const struct condition_text *name)
{
    const struct fact_info *fact = fact_of(name);
    if (fact)
        return fact->type == FACT_TYPE_INT;
    if (text_is(name, "filesize"))
        return true;
    for (size_t i = 1; i < name->len; i++) {
        if (!isalnum((unsigned char)name->start[i]) && name->start[i] != '_')
            return false;
    }
    return name->len > 1 && name->start[0] == '#';
}

static struct narrowed *lookup(struct known *known, const struct condition_text *name)
{
    for (unsigned i = 0; i < known->count; i++) {
        struct narrowed *n = &known->names[i];
        if (n->name.len == name->len && memcmp(n->name.start, name->start, name->len) == 0)
            return n;
    }
    if (known->count == NAMES_MAX)
        return NULL;
    struct narrowed *n = &known->names[known->count++];
    *n = (struct narrowed){*name, 0, INT64_MAX, {NULL, 0}};
    const struct fact_info *fact = fact_of(name);
    if (fact && strcmp(fact->name, "receiver_port") == 0)
        n->high = 65535;
    return n;
}

/* `==` ... as a number 0..5, or -1; turned round when the number stands on the left, or when a
 * `not` is before it. */
static int operator_of(const struct condition_text *text, bool turned, bool negated)
{
    static const char *const operators[] = {"==", "!=", "<", "<=", ">", ">="};
    static const int turn[] = {0, 1, 4, 5, 2, 3}, negate[] = {1, 0, 5, 4, 3, 2};
    for (int i = 0; i < 6; i++) {
        if (text_is(text, operators[i])) {
            int at = turned ? turn[i] : i;
            return negated ? negate[at] : at;
        }
    }
    return -1;
}

static void narrow_number(struct narrowed *n, int operator, int64_t value)
{
    int64_t low = INT64_MIN, high = INT64_MAX;
    switch (operator) {
    case 0:
        low = high = value;
        break;
    case 2:
        high = value > INT64_MIN ? value - 1 : value;
        break;
    case 3:
        high = value;
        break;
    case 4:
        low = value < INT64_MAX ? value + 1 : value;
        break;
    case 5:
        low = value;
        break;
    default:
        break;
    }
    n->low = low > n->low ? low : n->low;
    n->high = high < n->high ? high : n->high;
}

/* Value number `i` of the fact, NULL where the tables have one of another fact. */
static const char *value_at(const struct fact_info *fact, size_t i)
{
    if (i < VALUE_COUNT)
        return &FACT_INFO[VALUES[i].fact] == fact ? VALUES[i].value : NULL;
    return fact == &FACT_INFO[FACT_object_type] ? RECOGNISERS[i - VALUE_COUNT]->type : NULL;
}

/* Whether `text`, in its quotes, is a value the fact can have: any is where the tables know none.
 * `near`: if not, one that is spelled alike. */
static bool is_value(const struct fact_info *fact, const struct condition_text *text,
                     const char **near)
{
    bool closed = false;
    unsigned best = 4;
    size_t len = text->len - 2;
    *near = NULL;
    for (size_t i = 0; i < VALUE_COUNT + RECOGNISER_COUNT; i++) {
        const char *value = value_at(fact, i);
        if (!value)
            continue;
        closed = true;
        if (strlen(value) == len && memcmp(value, text->start + 1, len) == 0)
            return true;
        unsigned distance = edit_distance(text->start + 1, len, value, strlen(value), best);
        if (distance < best && distance < strlen(value)) {
            best = distance;
            *near = value;
        }
    }
    return !closed;
}

static bool check_text(const struct checking *c, const struct condition_part *part,
                       struct known *known, const struct fact_info *fact, int operator,
                       bool negated)
{
    char why[300];
    const char *near;
    if (operator!= 0)
        return true;
    if (!is_value(fact, &part->right, &near)) {
        snprintf(why, sizeof(why), "%s is never %.*s%s%s%s", fact->name, (int)part->right.len,
                 part->right.start, near ? "; did you mean \"" : "", near ? near : "",
                 near ? "\"?" : "");
        tell(c, part, negated, why);
        return false;
    }
    struct narrowed *n = lookup(known, &part->left);
    if (!n)
        return true;
    if (n->text.start && (n->text.len != part->right.len ||
                          memcmp(n->text.start, part->right.start, n->text.len) != 0)) {
        snprintf(why, sizeof(why), "%s is %.*s as well", fact->name, (int)n->text.len,
                 n->text.start);
        tell(c, part, negated, why);
        return false;
    }
    n->text = part->right;
    return true;
}

static bool check_number(const struct checking *c, const struct condition_part *part,
                         struct known *known, const struct condition_text *name, int operator,
                         int64_t value, bool negated)
{
    char why[300];
    struct narrowed *n = lookup(known, name);
    if (!n || operator<0)
        return true;
    int64_t low = n->low, high = n->high;
    narrow_number(n, operator, value);
    if (n->low <= n->high)
        return true;
    if (low == high)
        snprintf(why, sizeof(why), "%.*s is %" PRId64, (int)name->len, name->start, low);
    else if (high == INT64_MAX)
        snprintf(why, sizeof(why), "%.*s is at least %" PRId64, (int)name->len, name->start, low);
    else if (low == 0)
        snprintf(why, sizeof(why), "%.*s is at most %" PRId64, (int)name->len, name->start, high);
    else
        snprintf(why, sizeof(why), "%.*s is from %" PRId64 " to %" PRId64, (int)name->len,
                 name->start, low, high);
    tell(c, part, negated, why);
    return false;
}

static bool constants_hold(int operator, int64_t a, int64_t b)
{
    const bool results[] = {a == b, a != b, a<b, a <= b, a> b, a >= b};
    return results[operator];
}

/* A word alone: true, false, or a fact that is true or false. */
static bool check_word(const struct checking *c, const struct condition_part *part,
                       struct known *known, bool negated)
{
    const struct fact_info *fact = fact_of(&part->text);
    if (text_is(&part->text, negated ? "true" : "false")) {
        tell(c, part, negated, negated ? "true always holds" : "false never holds");
        return false;
    }
    struct narrowed *n = fact && fact->type == FACT_TYPE_BOOL ? lookup(known, &part->text) : NULL;
    if (!n)
        return true;
    narrow_number(n, 0, negated ? 0 : 1);
    if (n->low <= n->high)
        return true;
    tell(c, part, negated, negated ? "it must hold as well" : "it must not hold as well");
    return false;
}

static bool check_leaf(const struct checking *c, const struct condition_part *part,
                       struct known *known, bool negated)
{
    int64_t left, right;
    if (!part->left.len)
        return check_word(c, part, known, negated);
    bool left_number = read_number(&part->left, &left),
         right_number = read_number(&part->right, &right);
    int operator= operator_of(&part->operator, left_number && !right_number, negated);
    if (operator<0)
        return true;
    if (left_number && right_number) {
        if (!constants_hold(operator, left, right))
            tell(c, part, negated, "both sides are constants");
        return constants_hold(operator, left, right);
    }
    if (right_number && is_whole_number(&part->left))
        return check_number(c, part, known, &part->left, operator, right, negated);
    if (left_number && is_whole_number(&part->right))
        return check_number(c, part, known, &part->right, operator, left, negated);
    const struct fact_info *fact = fact_of(&part->left);
    if (fact && fact->type == FACT_TYPE_TEXT && is_text(&part->right))
        return check_text(c, part, known, fact, operator, negated);
    return true;
}

static bool check_part(const struct checking *c, uint32_t index, struct known *known, bool negated,
                       unsigned depth);

/* Leaves first: they narrow what the groups beside them can be. */
static bool check_all(const struct checking *c, const struct condition_part *part,
                      struct known *known, bool negated, unsigned depth)
{
    const struct condition_part *parts = c->condition->parts;
    for (int groups = 0; groups < 2; groups++) {
        for (uint32_t i = part->first; i != CONDITION_NONE; i = parts[i].next) {
            if ((parts[i].kind != CONDITION_LEAF) == groups &&
                !check_part(c, i, known, negated, depth + 1))
                return false;
        }
    }
    return true;
}

/* Every alternative is looked at, so that each one that cannot hold is told. */
static bool check_any(const struct checking *c, const struct condition_part *part,
                      const struct known *known, bool negated, unsigned depth)
{
    bool any = false;
    for (uint32_t i = part->first; i != CONDITION_NONE; i = c->condition->parts[i].next) {
        struct known mine = *known;
        any = check_part(c, i, &mine, negated, depth + 1) || any;
    }
    return any;
}

/* False, and told, when it cannot hold together with what is known. */
static bool check_part(const struct checking *c, uint32_t index, struct known *known, bool negated,
                       unsigned depth)
{
    const struct condition_part *part = &c->condition->parts[index];
    if (depth == DEPTH_MAX)
        return true;
    switch (part->kind) {
    case CONDITION_LEAF:
        return check_leaf(c, part, known, negated);
    case CONDITION_NOT:
        return check_part(c, part->first, known, !negated, depth + 1);
    case CONDITION_AND:
    case CONDITION_OR:
        return (part->kind == CONDITION_AND) != negated ? check_all(c, part, known, negated, depth)
                                                        : check_any(c, part, known, negated, depth);
    }
    return true;
}

void lint_condition(const struct condition *condition,
                    void (*warn)(void *user, unsigned line, const char *message), void *user)
{
    const struct checking c = {condition, warn, user};
    struct known known = {.count = 0};
    check_part(&c, condition->root, &known, false, 0);
}
