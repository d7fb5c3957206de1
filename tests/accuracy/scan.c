/* Runs the recognisers over every regular file below the given paths and says what they claim to have found: the
 * measure of false positives. One line for each object or carved item with a finding, tab-separated:
 *   file, object path, type, finding; at the end the sums.
 *
 * usage: scan PATH... */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "facts.h"
#include "object.h"

#define CHUNK (64 * 1024)

struct scan {
    struct mem mem;
    struct counters counters;
    struct object_env *objects;
    struct facts_engine *facts;
    const char *file;
    uint64_t files, bytes, findings;
};

static struct scan scan; /* nftw(3) passes no pointer */

static void on_begin(void *user, struct object *object)
{
    object->observer_state = facts_begin(((struct scan *)user)->facts, object);
}

static void on_data(void *user, struct object *object, const uint8_t *data, size_t len)
{
    if (object->observer_state)
        facts_data(((struct scan *)user)->facts, object->observer_state, object, data, len);
}

static void on_gap(void *user, struct object *object, uint64_t len)
{
    if (object->observer_state)
        facts_gap(((struct scan *)user)->facts, object->observer_state, object, len);
}

static void report(struct scan *s, const struct object *object, const struct fact_set *facts, enum fact_id id)
{
    const char *step = object->path_count ? object->path[object->path_count - 1] : "";
    s->findings++;
    printf("%s\t%s\t%s\t%s=%lld", s->file, step, fact_text(facts, FACT_object_type), FACT_INFO[id].name,
           (long long)fact_int(facts, id));
    if (id == FACT_biometric_valid)
        printf(" %s %s", fact_text(facts, FACT_biometric_standard), fact_text(facts, FACT_biometric_kind));
    if (id == FACT_image_valid)
        printf(" %s %lldx%lld", fact_text(facts, FACT_image_coding), (long long)fact_int(facts, FACT_image_width),
               (long long)fact_int(facts, FACT_image_height));
    putchar('\n');
}

static void on_end(void *user, struct object *object)
{
    static const enum fact_id watched[] = {
        FACT_biometric_valid, FACT_mrz_valid_count, FACT_plate_row_count, FACT_pnr_count,     FACT_ssn_count,
        FACT_passport_count,  FACT_embedding_count, FACT_image_fragment,  FACT_encrypted_container};
    struct scan *s = user;
    struct object_facts *of = object->observer_state;
    if (!of)
        return;
    facts_end(s->facts, of, object);
    for (unsigned i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
        if (fact_int(facts_of(of), watched[i]))
            report(s, object, facts_of(of), watched[i]);
    }
    if (fact_int(facts_of(of), FACT_image_valid))
        report(s, object, facts_of(of), FACT_image_valid);
    facts_drop(s->facts, of);
}

static int on_file(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    static uint8_t chunk[CHUNK];
    (void)place;
    if (kind != FTW_F || !S_ISREG(status->st_mode))
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return 0;
    struct object_info info = {.expected_size = OBJECT_SIZE_UNKNOWN};
    struct object *object = object_begin(scan.objects, &info);
    ssize_t n;
    scan.file = path;
    scan.files++;
    while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
        object_data(scan.objects, object, chunk, (size_t)n);
        scan.bytes += (uint64_t)n;
    }
    object_end(scan.objects, object, OBJECT_CLOSED);
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    struct object_limits limits = {4 << 20, 8, 200};
    struct object_observer observer = {&scan, on_begin, on_data, on_gap, on_end};
    scan.objects = object_env_new(&scan.mem, &scan.counters, &limits, &observer);
    scan.facts = facts_engine_new(&scan.mem, &scan.counters, scan.objects);
    for (int i = 1; i < argc; i++)
        nftw(argv[i], on_file, 32, FTW_PHYS);
    fprintf(stderr, "%llu files, %llu bytes, %llu findings\n", (unsigned long long)scan.files,
            (unsigned long long)scan.bytes, (unsigned long long)scan.findings);
    facts_engine_free(scan.facts);
    object_env_free(scan.objects);
    return 0;
}
