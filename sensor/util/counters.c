/* Sums over counters. What each one means stands in counter_list.def and fate_list.def. */
#include "counters.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void counters_unsupported(struct counters *c, const char *kind, unsigned number)
{
    char name[sizeof(c->unsupported[0].name)];
    size_t len = strlen(kind);
    bool hex = len > 2 && strcmp(kind + len - 2, "0x") == 0;
    snprintf(name, sizeof(name), hex ? "%s%04x" : "%s %u", kind, number);
    for (unsigned i = 0; i < UNSUPPORTED_KINDS; i++) {
        if (!c->unsupported[i].name[0])
            memcpy(c->unsupported[i].name, i == UNSUPPORTED_KINDS - 1 ? "others" : name,
                   i == UNSUPPORTED_KINDS - 1 ? sizeof("others") : sizeof(name));
        if (i == UNSUPPORTED_KINDS - 1 || strcmp(c->unsupported[i].name, name) == 0) {
            c->unsupported[i].packets++;
            return;
        }
    }
}

static void merge_unsupported(struct counters *sum, const struct counters *part)
{
    for (unsigned i = 0; i < UNSUPPORTED_KINDS && part->unsupported[i].packets; i++) {
        for (unsigned j = 0; j < UNSUPPORTED_KINDS; j++) {
            if (!sum->unsupported[j].name[0])
                memcpy(sum->unsupported[j].name, part->unsupported[i].name,
                       sizeof(sum->unsupported[j].name));
            if (j == UNSUPPORTED_KINDS - 1 ||
                strcmp(sum->unsupported[j].name, part->unsupported[i].name) == 0) {
                sum->unsupported[j].packets += part->unsupported[i].packets;
                break;
            }
        }
    }
}

void counters_merge(struct counters *sum, const struct counters *part)
{
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        sum->value[i] += part->value[i];
    for (unsigned i = 0; i < FATE_COUNT; i++) {
        sum->fate_bytes[i] += part->fate_bytes[i];
        sum->fate_packets[i] += part->fate_packets[i];
    }
    merge_unsupported(sum, part);
}

uint64_t counters_fate_total(const struct counters *c)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < FATE_COUNT; i++)
        total += c->fate_bytes[i];
    return total;
}
