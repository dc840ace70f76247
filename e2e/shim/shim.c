/*
 * Stands between a program and its C library (LD_PRELOAD): writes down what the program asks of
 * its files, lets its disk fail from a certain operation on, and shifts its clock. See
 * `e2e/src/shim.rs`, which builds it, sets these variables and reads what it wrote:
 *
 *   SHIM_ROOT   operations on files below this directory count; all others pass
 *   SHIM_LOG    where they are written down, each with the bytes it carried
 *   SHIM_FAIL   `N errno TIMES`: from the N-th operation on, so many fail with this error
 *   SHIM_KILL   `N`: the process is killed right before the N-th operation
 *   SHIM_CLOCK  a file of one number: so many seconds are added to the wall's clock
 *
 * Only what a power cut or a bad disk can touch counts: making, writing, cutting, syncing,
 * renaming and removing files. Memory that is mapped does not: SQLite maps its `-shm` alone, which
 * is made anew after a crash.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static char root[4096];
static size_t root_length;
static int log_fd = -1;
static long fail_at, fail_errno, fail_times, kill_at, count;
static const volatile int64_t *shift;
/* Held over an operation and its record, so that the record has the true order. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}
#define REAL(name) ({ static __typeof__(&name) f; if (!f) f = real(#name); f; })

__attribute__((constructor)) static void begin(void) {
    const char *text;
    if ((text = getenv("SHIM_ROOT"))) {
        snprintf(root, sizeof root, "%s", text);
        root_length = strlen(root);
    }
    if ((text = getenv("SHIM_LOG")))
        log_fd = syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if ((text = getenv("SHIM_FAIL"))) sscanf(text, "%ld %ld %ld", &fail_at, &fail_errno, &fail_times);
    if ((text = getenv("SHIM_KILL"))) sscanf(text, "%ld", &kill_at);
    if ((text = getenv("SHIM_CLOCK"))) {
        int fd = syscall(SYS_openat, AT_FDCWD, text, O_RDONLY | O_CLOEXEC);
        void *page = fd < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0);
        if (page != MAP_FAILED) shift = page;
    }
}

static int below(const char *path) {
    return root_length && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

/* The path of an open file; 0 if it is none of ours. */
static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = root_length ? readlink(link, path, 4095) : -1;
    if (length < 0) return 0;
    path[length] = 0;
    return below(path);
}

static void record(char what, const char *path, uint64_t at, const void *bytes, uint64_t length) {
    if (log_fd < 0) return;
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    uint64_t head[5] = { (uint64_t)what, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
                         strlen(path), at, length };
    struct iovec parts[3] = { { head, sizeof head }, { (void *)path, head[2] }, { (void *)bytes, length } };
    if (syscall(SYS_writev, log_fd, parts, 3) < 0) abort();
}

/* Whether this operation is to fail. Held: `lock`. */
static int strikes(const char *path) {
    count++;
    if (kill_at && count >= kill_at) {
        record('K', path, (uint64_t)count, NULL, 0);
        raise(SIGKILL);
    }
    if (!fail_at || count < fail_at || count - fail_at >= fail_times) return 0;
    record('E', path, (uint64_t)count, NULL, 0);
    errno = (int)fail_errno;
    return 1;
}

static ssize_t put(int fd, const void *bytes, size_t length, off_t at, int positioned) {
    char path[4096];
    ssize_t done = -1;
    if (!path_of(fd, path))
        return positioned ? REAL(pwrite64)(fd, bytes, length, at) : REAL(write)(fd, bytes, length);
    pthread_mutex_lock(&lock);
    if (!strikes(path)) {
        if (!positioned) {
            struct stat about;
            int append = fcntl(fd, F_GETFL) & O_APPEND;
            at = append && !fstat(fd, &about) ? about.st_size : lseek(fd, 0, SEEK_CUR);
        }
        done = positioned ? REAL(pwrite64)(fd, bytes, length, at) : REAL(write)(fd, bytes, length);
        if (done > 0) record('W', path, (uint64_t)at, bytes, (uint64_t)done);
    }
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length) { return put(fd, bytes, length, 0, 0); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return put(fd, bytes, length, at, 1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return put(fd, bytes, length, at, 1); }

/* An operation on an open file that carries no bytes. */
#define ON_FILE(what, call, size)                               \
    char path[4096];                                            \
    if (!path_of(fd, path)) return call;                        \
    pthread_mutex_lock(&lock);                                  \
    int done = -1;                                              \
    if (!strikes(path) && !(done = call))                       \
        record(what, path, (uint64_t)(size), NULL, 0);          \
    pthread_mutex_unlock(&lock);                                \
    return done;

int fsync(int fd) { ON_FILE('S', REAL(fsync)(fd), 0) }
int fdatasync(int fd) { ON_FILE('S', REAL(fdatasync)(fd), 0) }
int ftruncate64(int fd, off64_t size) { ON_FILE('T', REAL(ftruncate64)(fd, size), size) }
int ftruncate(int fd, off_t size) { ON_FILE('T', REAL(ftruncate64)(fd, size), size) }

/* An operation on a name, perhaps with a second one. */
#define ON_NAME(what, from, to, call)                                              \
    if (!below(from)) return call;                                                 \
    pthread_mutex_lock(&lock);                                                     \
    int done = -1;                                                                 \
    if (!strikes(from) && !(done = call)) record(what, from, 0, to, strlen(to));   \
    pthread_mutex_unlock(&lock);                                                   \
    return done;

int unlink(const char *path) { ON_NAME('U', path, "", REAL(unlink)(path)) }
int rename(const char *from, const char *to) { ON_NAME('R', from, to, REAL(rename)(from, to)) }
int mkdir(const char *path, mode_t mode) { ON_NAME('D', path, "", REAL(mkdir)(path, mode)) }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    ON_NAME('L', from, to, REAL(linkat)(a, from, b, to, flags))
}

static int open_one(int directory, const char *path, int flags, mode_t mode) {
    struct stat about;
    int changes = (flags & (O_CREAT | O_TRUNC)) && path[0] == '/' && below(path);
    /* Reading goes on on a bad disk: most of what is read is in memory. */
    if (!changes) return REAL(openat64)(directory, path, flags, mode);
    pthread_mutex_lock(&lock);
    int made = (flags & O_CREAT) && stat(path, &about);
    int cut = (flags & O_TRUNC) && !made;
    int fd = -1;
    if ((!made && !cut) || !strikes(path)) {
        fd = REAL(openat64)(directory, path, flags, mode);
        if (fd >= 0 && made) record('C', path, 0, NULL, 0);
        if (fd >= 0 && cut) record('T', path, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE                          \
    mode_t mode = 0;                  \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list more;                 \
        va_start(more, flags);        \
        mode = va_arg(more, mode_t);  \
        va_end(more);                 \
    }

int open(const char *path, int flags, ...) { MODE return open_one(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return open_one(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return open_one(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return open_one(at, path, flags, mode); }

int clock_gettime(clockid_t which, struct timespec *now) {
    int done = REAL(clock_gettime)(which, now);
    if (!done && which == CLOCK_REALTIME && shift) now->tv_sec += *shift;
    return done;
}
