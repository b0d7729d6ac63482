/* What may happen to a process that writes to a disk, made to happen: an LD_PRELOAD shim for tests alone.
 *
 * Calls that change files below one folder are counted over all processes that share a control block, which
 * is a mapped file (its layout stands in shim.py too). At the k-th that matches, the whole process group is
 * killed by SIGKILL: in the middle of a commit, a rename, a VACUUM. Or calls that match fail with an errno,
 * or write half of what they were given; or the clock is shifted.
 *
 * For power cuts each change is logged with what was there before, under one lock, so that the log's order is
 * the order of the changes; fsync only notes what is durable from then on. Whoever cuts the power undoes some
 * of what is not (cut.py). Whoever is killed holds the lock: nothing is ever halfway between file and log.
 *
 * What SQLite maps (-shm) is neither counted nor logged: it is made anew after a crash.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { CREATE = 1, WRITE = 2, TRUNCATE = 4, SYNC = 8, RENAME = 16, UNLINK = 32, MKDIR = 64, RMDIR = 128, READ = 256 };

struct control {
    uint32_t lock, is_logging, is_torn, drops_syncs;
    uint64_t seen, matched, kill_at, logged;
    uint32_t kill_ops, fail_ops, fail_errno, is_short;
    int64_t clock_shift_s;
    uint32_t sync_delay_us;
    int32_t group, is_killed;
    uint32_t killed_op;
    char root[512], match[128], log[512], grave[512], killed_path[512];
};

struct record {
    uint32_t op, first_bytes, second_bytes, is_folder;
    uint64_t seq, inode, folder, second_folder, offset, size_before, length, until;
};

static struct control *control;
static int log_descriptor = -1;

#define REAL(kind, name, ...)                                   \
    static kind (*real)(__VA_ARGS__);                           \
    if (!real) real = (kind(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

/* --- The control block --- */

__attribute__((visibility("default"))) int faults_attach(const char *path) {
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return -1;
    void *mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (mapped == MAP_FAILED) return -1;
    struct control *found = mapped;
    if (found->is_logging) {
        log_descriptor = open(found->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (log_descriptor < 0) return -1;
    }
    control = found;
    return 0;
}

__attribute__((constructor)) static void attach_by_environment(void) {
    const char *path = getenv("FAULTS_CONTROL");
    if (path) faults_attach(path);
}

static int is_taken(struct control *shared) {
    return __atomic_exchange_n(&shared->lock, 1, __ATOMIC_ACQUIRE);
}

/* Who holds it may have to wait for a processor: to spin would keep it from that. */
static void lock(struct control *shared) {
    for (int tries = 0; is_taken(shared); tries++) tries < 8 ? sched_yield() : usleep(50);
}

static void unlock(struct control *shared) { __atomic_store_n(&shared->lock, 0, __ATOMIC_RELEASE); }

/* For another process: kill the group when nobody is halfway. Where it is dead, so is who holds the lock. */
__attribute__((visibility("default"))) int faults_kill(void *block) {
    struct control *shared = block;
    while (shared->is_logging && is_taken(shared)) {
        if (__atomic_load_n(&shared->is_killed, __ATOMIC_RELAXED)) return 0;
        usleep(50);
    }
    shared->is_killed = 1;
    return kill(-shared->group, SIGKILL);
}

/* --- Paths --- */

static int is_below_root(const char *path) {
    size_t length = strlen(control->root), path_length = strlen(path);
    if (!length || strncmp(path, control->root, length)) return 0;
    if (path[length] != '/' && path[length]) return 0;
    return path_length < 4 || strcmp(path + path_length - 4, "-shm");
}

static int path_of_descriptor(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0 || path[0] != '/') return 0;
    path[length] = 0;
    return is_below_root(path);
}

static int path_at(int folder, const char *name, char *path) {
    if (!control || !name) return 0;
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return is_below_root(path);
    }
    char base[PATH_MAX];
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return 0;
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length <= 0) return 0;
        base[length] = 0;
    }
    if (snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX) return 0;
    return is_below_root(path);
}

static uint64_t folder_of(const char *path) {
    char folder[PATH_MAX];
    struct stat status;
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash) return 0;
    *slash = 0;
    return stat(folder, &status) ? 0 : status.st_ino;
}

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* --- Killing and failing --- */

static int matches(uint32_t ops, uint32_t op, const char *path) {
    return (ops & op) && strstr(path, control->match) != NULL;
}

static void die(uint32_t op, const char *path) {
    control->killed_op = op;
    snprintf(control->killed_path, sizeof control->killed_path, "%s", path);
    control->is_killed = 1;
    kill(0, SIGKILL);
    for (;;) pause();
}

/* Begins a change, with the lock where there is a log. Says whether its process is to die within it. */
static int begin(uint32_t op, const char *path) {
    if (control->is_logging) lock(control);
    __atomic_add_fetch(&control->seen, 1, __ATOMIC_RELAXED);
    if (!matches(control->kill_ops, op, path)) return 0;
    return __atomic_add_fetch(&control->matched, 1, __ATOMIC_RELAXED) == control->kill_at;
}

static void end(void) {
    if (control->is_logging) unlock(control);
}

/* The errno that a change is to fail with; 0 for none. */
static int failure(uint32_t op, const char *path) {
    return matches(control->fail_ops, op, path) ? (int)control->fail_errno : 0;
}

/* --- The log --- */

static uint64_t note(struct record *made, const char *first, const char *second, const void *content) {
    made->seq = ++control->logged;
    made->first_bytes = first ? strlen(first) : 0;
    made->second_bytes = second ? strlen(second) : 0;
    struct iovec parts[4] = {{made, sizeof *made},
                             {(void *)first, made->first_bytes},
                             {(void *)second, made->second_bytes},
                             {(void *)content, made->length}};
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    ssize_t wanted = sizeof *made + made->first_bytes + made->second_bytes + made->length;
    if (real(log_descriptor, parts, 4) != wanted) abort();
    return made->seq;
}

/* Notes what lies in a range of a file that is about to change. */
static void note_content(uint32_t op, int descriptor, uint64_t offset, uint64_t length) {
    struct stat status;
    if (fstat(descriptor, &status)) return;
    struct record made = {.op = op, .inode = status.st_ino, .offset = offset, .size_before = status.st_size};
    made.until = op == TRUNCATE ? offset : offset + length;
    uint64_t size = status.st_size;
    if (op == TRUNCATE) length = size > offset ? size - offset : 0;
    if (offset < size) made.length = offset + length > size ? size - offset : length;
    char *before = malloc(made.length + 1);
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor); /* it may be open for writing alone */
    int readable = open(link, O_RDONLY | O_CLOEXEC);
    if (!before || readable < 0) abort();
    if (pread(readable, before, made.length, offset) != (ssize_t)made.length) abort();
    close(readable);
    note(&made, NULL, NULL, before);
    free(before);
}

/* Keeps a file that is about to lose its last name; its new one is the number of the next record. */
static void keep_in_grave(const char *path) {
    char kept[PATH_MAX];
    snprintf(kept, sizeof kept, "%s/%llu", control->grave, (unsigned long long)control->logged + 1);
    if (link(path, kept)) kept[0] = 0;
}

static void note_name(uint32_t op, const char *path, uint64_t inode, uint64_t folder, int is_folder) {
    struct record made = {.op = op, .inode = inode, .folder = folder, .is_folder = is_folder};
    note(&made, name_of(path), NULL, NULL);
}

/* --- Writing --- */

static ssize_t write_at(int descriptor, const void *content, size_t count, off_t offset, int is_at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    if (is_at) return real(descriptor, content, count, offset);
    static ssize_t (*plain)(int, const void *, size_t);
    if (!plain) plain = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    return plain(descriptor, content, count);
}

static ssize_t changed_write(int descriptor, const void *content, size_t count, off_t offset, int is_at) {
    char path[PATH_MAX];
    struct stat status;
    if (!control || fstat(descriptor, &status) || !S_ISREG(status.st_mode) ||
        !path_of_descriptor(descriptor, path))
        return write_at(descriptor, content, count, offset, is_at);
    int is_dying = begin(WRITE, path), failing = failure(WRITE, path);
    ssize_t written = -1;
    if (failing && !control->is_short) {
        end();
        errno = failing;
        return -1;
    }
    if (failing || (is_dying && control->is_torn)) count = count / 2 ? count / 2 : 1;
    if (is_dying && !control->is_torn) die(WRITE, path);
    if (control->is_logging) {
        int is_appending = fcntl(descriptor, F_GETFL) & O_APPEND;
        off_t start = is_at ? offset : is_appending ? status.st_size : lseek(descriptor, 0, SEEK_CUR);
        note_content(WRITE, descriptor, start, count);
    }
    written = write_at(descriptor, content, count, offset, is_at);
    if (is_dying) die(WRITE, path);
    int kept = errno;
    end();
    errno = kept;
    return written;
}

ssize_t write(int descriptor, const void *content, size_t count) {
    return changed_write(descriptor, content, count, 0, 0);
}

ssize_t pwrite(int descriptor, const void *content, size_t count, off_t offset) {
    return changed_write(descriptor, content, count, offset, 1);
}

ssize_t pwrite64(int descriptor, const void *content, size_t count, off64_t offset) {
    return changed_write(descriptor, content, count, offset, 1);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    char path[PATH_MAX];
    struct stat status;
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    if (!control || fstat(descriptor, &status) || !S_ISREG(status.st_mode) ||
        !path_of_descriptor(descriptor, path))
        return real(descriptor, parts, count);
    /* A short write is what its caller has to expect. */
    for (int part = 0; part < count; part++)
        if (parts[part].iov_len) return write(descriptor, parts[part].iov_base, parts[part].iov_len);
    return 0;
}

static int read_fails(int descriptor) {
    char path[PATH_MAX];
    if (!control || !(control->fail_ops & READ) || !path_of_descriptor(descriptor, path)) return 0;
    return errno = failure(READ, path);
}

ssize_t read(int descriptor, void *content, size_t count) {
    REAL(ssize_t, "read", int, void *, size_t);
    return read_fails(descriptor) ? -1 : real(descriptor, content, count);
}

ssize_t pread(int descriptor, void *content, size_t count, off_t offset) {
    REAL(ssize_t, "pread64", int, void *, size_t, off_t);
    return read_fails(descriptor) ? -1 : real(descriptor, content, count, offset);
}

ssize_t pread64(int descriptor, void *content, size_t count, off64_t offset) {
    return pread(descriptor, content, count, offset);
}

static int changed_size(int descriptor, off_t size) {
    char path[PATH_MAX];
    REAL(int, "ftruncate64", int, off_t);
    if (!control || !path_of_descriptor(descriptor, path)) return real(descriptor, size);
    int is_dying = begin(TRUNCATE, path), failing = failure(TRUNCATE, path), result = -1;
    if (is_dying) die(TRUNCATE, path);
    if (failing) {
        errno = failing;
    } else {
        if (control->is_logging) note_content(TRUNCATE, descriptor, size, 0);
        result = real(descriptor, size);
    }
    int kept = errno;
    end();
    errno = kept;
    return result;
}

int ftruncate(int descriptor, off_t size) { return changed_size(descriptor, size); }
int ftruncate64(int descriptor, off64_t size) { return changed_size(descriptor, size); }

/* --- Making durable --- */

static int synced(int descriptor, const char *name) {
    char path[PATH_MAX];
    struct stat status;
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    if (!control || !path_of_descriptor(descriptor, path)) return real(descriptor);
    int is_dying = begin(SYNC, path), failing = failure(SYNC, path);
    if (is_dying) die(SYNC, path);
    uint64_t until = control->logged;
    end();
    if (failing) {
        errno = failing;
        return -1;
    }
    if (!control->is_logging) return real(descriptor);
    /* What is written meanwhile is not covered. */
    usleep(control->sync_delay_us);
    if (control->drops_syncs || fstat(descriptor, &status)) return 0;
    lock(control);
    struct record made = {.op = SYNC, .inode = status.st_ino, .until = until};
    note(&made, NULL, NULL, NULL);
    unlock(control);
    return 0;
}

int fsync(int descriptor) { return synced(descriptor, "fsync"); }
int fdatasync(int descriptor) { return synced(descriptor, "fdatasync"); }

/* --- Names --- */

static int opened(int folder, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    REAL(int, "openat64", int, const char *, int, mode_t);
    int is_making = (flags & O_CREAT) && (flags & O_TMPFILE) != O_TMPFILE;
    if (!(is_making || (flags & O_TRUNC)) || !path_at(folder, name, path)) return real(folder, name, flags, mode);
    int is_new = access(path, F_OK) != 0;
    uint32_t op = is_new ? CREATE : TRUNCATE;
    if (!is_new && !(flags & O_TRUNC)) return real(folder, name, flags, mode);
    int is_dying = begin(op, path), failing = failure(op, path), result = -1;
    if (is_dying) die(op, path);
    if (failing) {
        errno = failing;
    } else if (control->is_logging && !is_new) {
        result = real(folder, name, flags & ~O_TRUNC, mode);
        if (result >= 0) {
            static int (*truncating)(int, off_t);
            if (!truncating) truncating = (int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate64");
            note_content(TRUNCATE, result, 0, 0);
            truncating(result, 0);
        }
    } else {
        result = real(folder, name, flags, mode);
        struct stat status;
        if (result >= 0 && control->is_logging && !fstat(result, &status))
            note_name(CREATE, path, status.st_ino, folder_of(path), 0);
    }
    int kept = errno;
    end();
    errno = kept;
    return result;
}

#define MODE(flags)                                                    \
    mode_t mode = 0;                                                   \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                             \
        va_list more;                                                  \
        va_start(more, flags);                                         \
        mode = va_arg(more, int);                                      \
        va_end(more);                                                  \
    }

int open(const char *name, int flags, ...) { MODE(flags) return opened(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE(flags) return opened(AT_FDCWD, name, flags, mode); }
int openat(int folder, const char *name, int flags, ...) { MODE(flags) return opened(folder, name, flags, mode); }
int openat64(int folder, const char *name, int flags, ...) { MODE(flags) return opened(folder, name, flags, mode); }

/* C++ streams open by fopen, and write by write. */
static FILE *stream_opened(const char *name, const char *mode) {
    char path[PATH_MAX];
    REAL(FILE *, "fopen64", const char *, const char *);
    if (mode[0] == 'w' && path_at(AT_FDCWD, name, path)) {
        int descriptor = opened(AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (descriptor < 0) return NULL;
        close(descriptor);
    }
    return real(name, mode);
}

FILE *fopen(const char *name, const char *mode) { return stream_opened(name, mode); }
FILE *fopen64(const char *name, const char *mode) { return stream_opened(name, mode); }

static int renamed(int from, const char *old, int to, const char *new) {
    char path[PATH_MAX], target[PATH_MAX];
    REAL(int, "renameat", int, const char *, int, const char *);
    if (!path_at(from, old, path) || !path_at(to, new, target)) return real(from, old, to, new);
    int is_dying = begin(RENAME, target), failing = failure(RENAME, target), result = -1;
    if (is_dying) die(RENAME, target);
    if (failing) {
        errno = failing;
    } else if (!control->is_logging) {
        result = real(from, old, to, new);
    } else {
        struct stat moved, replaced;
        struct record made = {.op = RENAME, .folder = folder_of(path), .second_folder = folder_of(target)};
        if (!lstat(path, &moved)) made.inode = moved.st_ino, made.is_folder = S_ISDIR(moved.st_mode);
        if (!lstat(target, &replaced) && S_ISREG(replaced.st_mode)) keep_in_grave(target);
        result = real(from, old, to, new);
        if (!result) note(&made, name_of(path), name_of(target), NULL);
    }
    int kept = errno;
    end();
    errno = kept;
    return result;
}

int rename(const char *old, const char *new) { return renamed(AT_FDCWD, old, AT_FDCWD, new); }
int renameat(int from, const char *old, int to, const char *new) { return renamed(from, old, to, new); }

static int is_empty(const char *path) {
    DIR *listed = opendir(path);
    int count = 0;
    if (!listed) return 0;
    while (count < 3 && readdir(listed)) count++;
    closedir(listed);
    return count < 3; /* itself and its parent */
}

/* Removes a folder by moving it to the grave: its inode, by which records name it, is nobody else's then. */
static int folder_buried(const char *path) {
    char kept[PATH_MAX];
    REAL(int, "rename", const char *, const char *);
    if (!is_empty(path)) {
        errno = ENOTEMPTY;
        return -1;
    }
    snprintf(kept, sizeof kept, "%s/%llu", control->grave, (unsigned long long)control->logged + 1);
    return real(path, kept);
}

static int removed(int folder, const char *name, int flags) {
    char path[PATH_MAX];
    REAL(int, "unlinkat", int, const char *, int);
    if (!path_at(folder, name, path)) return real(folder, name, flags);
    uint32_t op = flags & AT_REMOVEDIR ? RMDIR : UNLINK;
    int is_dying = begin(op, path), failing = failure(op, path), result = -1;
    if (is_dying) die(op, path);
    if (failing) {
        errno = failing;
    } else {
        struct stat status = {0};
        if (control->is_logging && !lstat(path, &status) && op == UNLINK) keep_in_grave(path);
        result = control->is_logging && op == RMDIR ? folder_buried(path) : real(folder, name, flags);
        if (!result && control->is_logging)
            note_name(op, path, status.st_ino, folder_of(path), op == RMDIR);
    }
    int kept = errno;
    end();
    errno = kept;
    return result;
}

int unlink(const char *name) { return removed(AT_FDCWD, name, 0); }
int unlinkat(int folder, const char *name, int flags) { return removed(folder, name, flags); }
int rmdir(const char *name) { return removed(AT_FDCWD, name, AT_REMOVEDIR); }

static int folder_made(int folder, const char *name, mode_t mode) {
    char path[PATH_MAX];
    REAL(int, "mkdirat", int, const char *, mode_t);
    if (!path_at(folder, name, path)) return real(folder, name, mode);
    int is_dying = begin(MKDIR, path), failing = failure(MKDIR, path), result = -1;
    if (is_dying) die(MKDIR, path);
    if (failing) {
        errno = failing;
    } else {
        result = real(folder, name, mode);
        struct stat status;
        if (!result && control->is_logging && !lstat(path, &status))
            note_name(MKDIR, path, status.st_ino, folder_of(path), 1);
    }
    int kept = errno;
    end();
    errno = kept;
    return result;
}

int mkdir(const char *name, mode_t mode) { return folder_made(AT_FDCWD, name, mode); }
int mkdirat(int folder, const char *name, mode_t mode) { return folder_made(folder, name, mode); }

/* --- The clock --- */

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(int, "clock_gettime", clockid_t, struct timespec *);
    int result = real(clock, now);
    if (control && clock == CLOCK_REALTIME) now->tv_sec += control->clock_shift_s;
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    REAL(int, "gettimeofday", struct timeval *, void *);
    int result = real(now, zone);
    if (control) now->tv_sec += control->clock_shift_s;
    return result;
}

time_t time(time_t *kept) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (kept) *kept = now.tv_sec;
    return now.tv_sec;
}
