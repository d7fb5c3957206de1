/* Every capture of the shared collection, malformed ones among them: no crash, and a ledger that
 * closes after every single frame. Skipped where the collection is not there. */
#include <fts.h>
#include <stdio.h>

#include "frame_builder.h"

static void on_frame(void *user, const struct frame *frame)
{
    struct bench *bench = user;
    bench->time_ns = frame->time_ns;
    bench_frame(bench, frame->link_type, frame->data, frame->captured, frame->length);
}

static bool read_capture(const char *path)
{
    struct capture_params params = {0};
    char error[1024];
    struct bench bench;
    struct capture *capture = capture_open(path, false, &params, error, sizeof(error));
    if (!capture)
        return false;
    bench_open(&bench);
    while (capture_dispatch(capture, 64, on_frame, &bench) == CAPTURE_MORE)
        packet_expire(bench.decoder, bench.time_ns);
    packet_expire(bench.decoder, INT64_MAX);
    capture_close(capture);
    bench_close(&bench);
    return true;
}

static void test_every_shared_capture(void **state)
{
    (void)state;
    char root[] = "../shared/pcaps";
    char *roots[] = {root, NULL};
    unsigned captures = 0;
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry; tree && (entry = fts_read(tree));) {
        if (entry->fts_info == FTS_F)
            captures += read_capture(entry->fts_path);
    }
    if (tree)
        fts_close(tree);
    if (captures == 0)
        skip();
    print_message("%u captures\n", captures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_shared_capture)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
