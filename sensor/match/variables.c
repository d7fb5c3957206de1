/* libyara's own setters look each name up and allocate each text anew. Here the objects are found once, and a
 * text is written in place, in a string the scanner borrows until variables_close. */
#include "variables.h"

#include <stdlib.h>
#include <string.h>

static bool lend_text(struct variable *variable)
{
    YR_OBJECT *object = variable->object;
    SIZED_STRING *text = calloc(1, sizeof(*text) + FACT_TEXT_MAX + 1);
    if (!text)
        return false;
    if (object->value.ss)
        yr_free(object->value.ss);
    object->value.ss = variable->text = text;
    return true;
}

bool variables_open(struct variables *variables, YR_SCANNER *scanner, const struct rule_set *set)
{
    variables->count = 0;
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        YR_OBJECT *object = yr_hash_table_lookup(scanner->objects_table, FACT_INFO[i].name, NULL);
        if (!object || !set->uses[i])
            continue;
        struct variable *variable = &variables->used[variables->count];
        *variable = (struct variable){(enum fact_id)i, object, NULL};
        if (FACT_INFO[i].type == FACT_TYPE_TEXT && !lend_text(variable)) {
            variables_close(variables);
            return false;
        }
        variables->count++;
    }
    return true;
}

static void write_text(SIZED_STRING *text, const char *value)
{
    size_t len = strnlen(value, FACT_TEXT_MAX);
    memcpy(text->c_string, value, len);
    text->c_string[len] = '\0';
    text->length = (uint32_t)len;
}

void variables_write(struct variables *variables, const struct fact_set *facts)
{
    for (unsigned i = 0; i < variables->count; i++) {
        struct variable *variable = &variables->used[i];
        switch (FACT_INFO[variable->id].type) {
        case FACT_TYPE_INT:
        case FACT_TYPE_BOOL:
            variable->object->value.i = fact_int(facts, variable->id);
            break;
        case FACT_TYPE_REAL:
            variable->object->value.d = fact_real(facts, variable->id);
            break;
        case FACT_TYPE_TEXT:
            write_text(variable->text, fact_text(facts, variable->id));
            break;
        }
    }
}

void variables_close(struct variables *variables)
{
    for (unsigned i = 0; i < variables->count; i++) {
        struct variable *variable = &variables->used[i];
        if (!variable->text)
            continue;
        variable->object->value.ss = NULL;
        free(variable->text);
    }
    variables->count = 0;
}
