/* The facts every biometric recogniser sets. */
#include "biometric.h"

#include <ctype.h>
#include <string.h>

static void set_string(struct fact_set *facts, enum fact_id id, const char *text)
{
    fact_set_text(facts, id, text, strlen(text));
}

static void publish_checks(struct fact_set *facts, unsigned checks)
{
    static const char *const names[] = {"header", "views", "length", "image", "chain", "digits"};
    char text[64];
    size_t len = 0;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!(checks >> i & 1))
            continue;
        size_t n = strlen(names[i]);
        if (len)
            text[len++] = ',';
        memcpy(text + len, names[i], n);
        len += n;
    }
    fact_set_text(facts, FACT_biometric_checks, text, len);
}

void biometric_publish(struct fact_set *facts, const struct biometric *b)
{
    fact_set_int(facts, FACT_biometric_valid, 1);
    set_string(facts, FACT_biometric_kind, b->kind);
    set_string(facts, FACT_biometric_standard, b->standard);
    if (b->version)
        set_string(facts, FACT_biometric_version, b->version);
    if (b->image)
        set_string(facts, FACT_biometric_image_type, b->image);
    fact_set_int(facts, FACT_biometric_records, b->records);
    publish_checks(facts, b->checks);
}

bool biometric_is_version(const uint8_t field[4])
{
    return (field[0] == ' ' || field[0] == '0') && isdigit(field[1]) && isdigit(field[2]) && field[3] == 0;
}

void biometric_version(const uint8_t field[4], char text[4])
{
    size_t n = 0;
    for (size_t i = 0; i < 3; i++) {
        if (field[i] != ' ')
            text[n++] = (char)field[i];
    }
    text[n] = 0;
}
