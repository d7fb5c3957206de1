/* A mailbox of one job between the output thread and the disk thread. */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum disk_state { DISK_IDLE, DISK_ASKED, DISK_ANSWERED };

struct disk {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool sync, leave, busy; /* busy: the output thread's own view */
    enum disk_state state;  /* under the lock */
    struct disk_job job;    /* its owner is who `state` says */
    int answered;           /* eventfd */
    struct event *event;
    void (*done)(void *user, const struct disk_job *job);
    void *user;
    int fd;                 /* the file written to last; the disk thread's */
    char open_name[DISK_NAME_MAX];
};

static bool write_all(int fd, const uint8_t *data, size_t len, uint64_t offset)
{
    while (len) {
        ssize_t n = pwrite(fd, data, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return true;
}

static bool open_file(struct disk *disk, const struct disk_job *job)
{
    if (disk->fd >= 0 && strcmp(disk->open_name, job->name) == 0)
        return true;
    if (disk->fd >= 0)
        close(disk->fd);
    disk->fd = openat(job->directory, job->name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (disk->fd < 0)
        return false;
    memcpy(disk->open_name, job->name, sizeof(disk->open_name));
    return !disk->sync || job->offset > 0 || fsync(job->directory) == 0;
}

static bool carry_out(struct disk *disk, const struct disk_job *job)
{
    if (job->remove[0] && unlinkat(job->directory, job->remove, 0) != 0 && errno != ENOENT)
        return false;
    if (!job->name[0])
        return true;
    if (!open_file(disk, job))
        return false;
    size_t head = job->offset == 0 ? job->head_len : 0;
    if (write_all(disk->fd, job->head, head, 0) &&
        write_all(disk->fd, job->data, job->len, job->offset + head) &&
        (!disk->sync || fdatasync(disk->fd) == 0))
        return true;
    int failure = errno;
    if (ftruncate(disk->fd, (off_t)job->offset) != 0) {
        close(disk->fd); /* what is half there is cut off when the spool is opened again, or written over */
        disk->fd = -1;
    }
    errno = failure;
    return false;
}

static void *run(void *user)
{
    struct disk *disk = user;
    const uint64_t one = 1;
    pthread_mutex_lock(&disk->lock);
    for (;;) {
        while (disk->state != DISK_ASKED && !disk->leave)
            pthread_cond_wait(&disk->wake, &disk->lock);
        if (disk->state != DISK_ASKED)
            break;
        pthread_mutex_unlock(&disk->lock);
        disk->job.failure = carry_out(disk, &disk->job) ? 0 : errno;
        pthread_mutex_lock(&disk->lock);
        disk->state = DISK_ANSWERED;
        ssize_t ignored = write(disk->answered, &one, sizeof(one));
        (void)ignored;
    }
    pthread_mutex_unlock(&disk->lock);
    return NULL;
}

static void on_answer(evutil_socket_t fd, short what, void *user)
{
    struct disk *disk = user;
    uint64_t count;
    (void)what;
    ssize_t ignored = read(fd, &count, sizeof(count));
    (void)ignored;
    pthread_mutex_lock(&disk->lock);
    bool answered = disk->state == DISK_ANSWERED;
    struct disk_job job = disk->job;
    if (answered)
        disk->state = DISK_IDLE;
    pthread_mutex_unlock(&disk->lock);
    if (!answered)
        return;
    disk->busy = false;
    disk->done(disk->user, &job);
}

struct disk *disk_new(struct event_base *base, bool sync, void (*done)(void *user, const struct disk_job *job),
                      void *user)
{
    struct disk *disk = calloc(1, sizeof(*disk));
    sigset_t all, before;
    if (!disk)
        abort(); /* only at start */
    *disk = (struct disk){.sync = sync, .done = done, .user = user, .fd = -1};
    pthread_mutex_init(&disk->lock, NULL);
    pthread_cond_init(&disk->wake, NULL);
    disk->answered = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    disk->event = event_new(base, disk->answered, EV_READ | EV_PERSIST, on_answer, disk);
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (disk->answered < 0 || event_add(disk->event, NULL) != 0 ||
        pthread_create(&disk->thread, NULL, run, disk) != 0)
        abort();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return disk;
}

void disk_free(struct disk *disk)
{
    if (!disk)
        return;
    pthread_mutex_lock(&disk->lock);
    disk->leave = true;
    pthread_cond_signal(&disk->wake);
    pthread_mutex_unlock(&disk->lock);
    pthread_join(disk->thread, NULL);
    event_free(disk->event);
    close(disk->answered);
    if (disk->fd >= 0)
        close(disk->fd);
    pthread_mutex_destroy(&disk->lock);
    pthread_cond_destroy(&disk->wake);
    free(disk);
}

bool disk_idle(const struct disk *disk)
{
    return !disk->busy;
}

void disk_submit(struct disk *disk, const struct disk_job *job)
{
    disk->busy = true;
    pthread_mutex_lock(&disk->lock);
    disk->job = *job;
    disk->state = DISK_ASKED;
    pthread_cond_signal(&disk->wake);
    pthread_mutex_unlock(&disk->lock);
}
