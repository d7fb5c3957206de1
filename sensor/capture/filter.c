/* BPF programs by link type, the last one used first in line: files rarely mix them. */
#include "filter.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"

#define SNAPLEN_ALL 262144

struct program {
    struct program *next;
    int link_type;
    bool usable;
    struct bpf_program code;
};

struct filter {
    const char *text;
    struct program *programs;
};

struct filter *filter_new(const char *text)
{
    struct filter *filter = calloc(1, sizeof(*filter));
    if (!filter)
        abort(); /* only at start */
    filter->text = text;
    return filter;
}

void filter_free(struct filter *filter)
{
    if (!filter)
        return;
    while (filter->programs) {
        struct program *program = filter->programs;
        filter->programs = program->next;
        if (program->usable)
            pcap_freecode(&program->code);
        free(program);
    }
    free(filter);
}

static bool compile(struct program *program, const char *text, char *error, size_t error_len)
{
    pcap_t *dead = pcap_open_dead_with_tstamp_precision(program->link_type, SNAPLEN_ALL,
                                                        PCAP_TSTAMP_PRECISION_NANO);
    if (!dead) {
        snprintf(error, error_len, "not enough memory");
        return false;
    }
    program->usable = pcap_compile(dead, &program->code, text, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (!program->usable)
        snprintf(error, error_len, "%s", pcap_geterr(dead));
    pcap_close(dead);
    return program->usable;
}

bool filter_prepare(struct filter *filter, int link_type, char *error, size_t error_len)
{
    for (struct program *p = filter->programs; p; p = p->next) {
        if (p->link_type == link_type)
            return p->usable;
    }
    struct program *program = calloc(1, sizeof(*program));
    if (!program) {
        snprintf(error, error_len, "not enough memory");
        return false;
    }
    program->link_type = link_type;
    program->next = filter->programs;
    filter->programs = program;
    return compile(program, filter->text, error, error_len);
}

/* The program for a link type, moved to the front. */
static struct program *find(struct filter *filter, int link_type)
{
    for (struct program **at = &filter->programs; *at; at = &(*at)->next) {
        struct program *program = *at;
        if (program->link_type == link_type) {
            *at = program->next;
            program->next = filter->programs;
            filter->programs = program;
            return program;
        }
    }
    return NULL;
}

bool filter_match(struct filter *filter, const struct frame *frame)
{
    struct program *program = filter->programs;
    if (!program || program->link_type != frame->link_type) {
        char error[PCAP_ERRBUF_SIZE];
        program = find(filter, frame->link_type);
        if (!program && !filter_prepare(filter, frame->link_type, error, sizeof(error))) {
            log_warning(
                "the filter '%s' cannot be used on link type %d and passes none of its frames: %s",
                filter->text, frame->link_type, error);
            return false;
        }
        program = filter->programs;
    }
    const struct pcap_pkthdr header = {.caplen = frame->captured, .len = frame->length};
    return program->usable && pcap_offline_filter(&program->code, &header, frame->data) != 0;
}

bool capture_check_filter(const char *text, char *error, size_t error_len)
{
    static const int link_types[] = {DLT_EN10MB, DLT_RAW, DLT_LINUX_SLL, DLT_IEEE802_11_RADIO};
    char reason[PCAP_ERRBUF_SIZE], first[PCAP_ERRBUF_SIZE];
    struct filter *filter = filter_new(text);
    bool usable = false;
    for (size_t i = 0; i < sizeof(link_types) / sizeof(link_types[0]) && !usable; i++) {
        usable = filter_prepare(filter, link_types[i], reason, sizeof(reason));
        if (i == 0 && !usable)
            snprintf(first, sizeof(first), "%s", reason);
    }
    if (!usable)
        snprintf(error, error_len, "filter '%s': %s", text, first);
    filter_free(filter);
    return usable;
}
