// Lets one system call of a program fail; for LD_PRELOAD. tools/faults/test uses it.
//
//   FAULT_CALL   which: open read write fsync rename link mmap fstat close unlink mkdir malloc
//   FAULT_AT     the how-manieth of these (from 1); 0: none
//   FAULT_KIND   ENOSPC, EIO, EINTR, ENOMEM, EMFILE, …: it fails so, once
//                short: it moves one byte (or half of the bytes) only, as does every later one
//                kill: the process is killed before it;  killed: after it
//                interrupt, interrupted: it gets SIGINT before or after it; terminate, terminated: SIGTERM
//                truncate: (mmap) the file mapped has lost all its bytes when it returns
//   FAULT_NAMED  set: the file system has no nameless files (O_TMPFILE)
//   FAULT_COUNT  a file to which the number of calls is written at the end
//
// Reads, writes and maps of regular files count, not those of pipes and terminals, nor what the C
// library does within itself. Counted are all threads together.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>


static atomic_long calls;
static const char *wanted, *kind;
static long at;
static int code;

static const struct { const char *name; int code; } codes[] = {
  {"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EINTR", EINTR}, {"ENOMEM", ENOMEM}, {"EMFILE", EMFILE},
  {"EACCES", EACCES}, {"EROFS", EROFS}, {"EDQUOT", EDQUOT}, {"EINVAL", EINVAL},
};

__attribute__((constructor)) static void begin(void) {
  wanted = getenv("FAULT_CALL");
  kind = getenv("FAULT_KIND");
  const char *number = getenv("FAULT_AT");
  at = number ? atol(number) : 0;
  for (size_t i = 0; kind && i < sizeof codes / sizeof *codes; i++)
    if (!strcmp(codes[i].name, kind)) code = codes[i].code;
}

__attribute__((destructor)) static void end(void) {
  const char *path = getenv("FAULT_COUNT");
  if (!path) return;
  char text[32];
  int length = snprintf(text, sizeof text, "%ld\n", (long)calls);
  int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (file >= 0) syscall(SYS_write, file, text, length), syscall(SYS_close, file);
}

static int is(const char *text) { return kind && !strcmp(kind, text); }

static void send_signal(const char *killing, const char *interrupting, const char *terminating) {
  int number = is(killing) ? SIGKILL : is(interrupting) ? SIGINT : is(terminating) ? SIGTERM : 0;
  if (number) syscall(SYS_kill, getpid(), number);
}

// Whether this is a call to be tampered with: 1 the very one, 2 one behind it.
static int due(const char *call) {
  if (!wanted || strcmp(wanted, call)) return 0;
  long number = atomic_fetch_add(&calls, 1) + 1;
  if (!at || number < at) return 0;
  return number == at ? 1 : 2;
}

// Whether the very call fails: sets errno. Sends signals where that is asked for.
static int fails(int now) {
  if (now != 1) return 0;
  send_signal("kill", "interrupt", "terminate");
  if (!code) return 0;
  errno = code;
  return 1;
}

static void after(int now) {
  if (now != 1) return;
  int saved = errno;
  send_signal("killed", "interrupted", "terminated");
  errno = saved;
}

static int is_regular(int file) {
  struct stat status;
  return syscall(SYS_fstat, file, &status) == 0 && S_ISREG(status.st_mode);
}

static size_t shortened(int now, size_t count) {
  return now && is("short") && count > 1 ? (now == 1 ? 1 : (count + 1) / 2) : count;
}

ssize_t read(int file, void *bytes, size_t count) {
  int now = is_regular(file) ? due("read") : 0;
  if (fails(now)) return -1;
  ssize_t result = syscall(SYS_read, file, bytes, shortened(now, count));
  after(now);
  return result;
}

static ssize_t place_read(int file, void *bytes, size_t count, off_t offset) {
  int now = is_regular(file) ? due("read") : 0;
  if (fails(now)) return -1;
  ssize_t result = syscall(SYS_pread64, file, bytes, shortened(now, count), offset);
  after(now);
  return result;
}

ssize_t pread(int file, void *bytes, size_t count, off_t offset) {
  return place_read(file, bytes, count, offset);
}

ssize_t pread64(int file, void *bytes, size_t count, off_t offset) {
  return place_read(file, bytes, count, offset);
}

ssize_t write(int file, const void *bytes, size_t count) {
  int now = is_regular(file) ? due("write") : 0;
  if (fails(now)) return -1;
  ssize_t result = syscall(SYS_write, file, bytes, shortened(now, count));
  after(now);
  return result;
}

static ssize_t place_write(int file, const void *bytes, size_t count, off_t offset) {
  int now = is_regular(file) ? due("write") : 0;
  if (fails(now)) return -1;
  ssize_t result = syscall(SYS_pwrite64, file, bytes, shortened(now, count), offset);
  after(now);
  return result;
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  return place_write(file, bytes, count, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t offset) {
  return place_write(file, bytes, count, offset);
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
  int now = due("open");
  if (fails(now)) return -1;
  if ((flags & O_TMPFILE) == O_TMPFILE && getenv("FAULT_NAMED")) {
    errno = EOPNOTSUPP;
    return -1;
  }
  int result = (int)syscall(SYS_openat, folder, path, flags, mode);
  after(now);
  return result;
}

#define OPEN(name)                                                                      \
  int name(const char *path, int flags, ...) {                                          \
    va_list rest;                                                                       \
    va_start(rest, flags);                                                              \
    mode_t mode = (mode_t)va_arg(rest, int);                                            \
    va_end(rest);                                                                       \
    return open_at(AT_FDCWD, path, flags, mode);                                        \
  }
OPEN(open)
OPEN(open64)

int fsync(int file) {
  int now = due("fsync");
  if (fails(now)) return -1;
  int result = (int)syscall(SYS_fsync, file);
  after(now);
  return result;
}

int rename(const char *from, const char *to) {
  int now = due("rename");
  if (fails(now)) return -1;
  int result = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  after(now);
  return result;
}

int linkat(int folder, const char *from, int other, const char *to, int flags) {
  int now = due("link");
  if (fails(now)) return -1;
  int result = (int)syscall(SYS_linkat, folder, from, other, to, flags);
  after(now);
  return result;
}

int mkdir(const char *path, mode_t mode) {
  int now = due("mkdir");
  if (fails(now)) return -1;
  int result = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
  after(now);
  return result;
}

int unlink(const char *path) {
  int now = due("unlink");
  if (fails(now)) return -1;
  int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  after(now);
  return result;
}

int fstat(int file, struct stat *status) {
  int now = due("fstat");
  if (fails(now)) return -1;
  return (int)syscall(SYS_fstat, file, status);
}

int close(int file) {
  int now = is_regular(file) ? due("close") : 0;
  int result = (int)syscall(SYS_close, file);
  // A file that could not be closed is closed all the same.
  if (fails(now)) return -1;
  return result;
}

static void *map(void *place, size_t length, int rights, int flags, int file, off_t offset) {
  int now = file >= 0 && is_regular(file) ? due("mmap") : 0;
  if (fails(now)) return MAP_FAILED;
  void *result = (void *)syscall(SYS_mmap, place, length, rights, flags, file, offset);
  if (now == 1 && is("truncate")) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t count = readlink(link, path, sizeof path - 1);
    if (count > 0) path[count] = 0, count = syscall(SYS_truncate, path, 0);
  }
  return result;
}

void *mmap(void *place, size_t length, int rights, int flags, int file, off_t offset) {
  return map(place, length, rights, flags, file, offset);
}

void *mmap64(void *place, size_t length, int rights, int flags, int file, off_t offset) {
  return map(place, length, rights, flags, file, offset);
}

// glibc's own functions under the names it keeps for this purpose.
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static int out_of_memory(void) {
  int now = due("malloc");
  return fails(now == 2 && is("ENOMEM") ? 1 : now);
}

void *malloc(size_t size) { return out_of_memory() ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) {
  return out_of_memory() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
  return out_of_memory() ? NULL : __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  return out_of_memory() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
  if (out_of_memory()) return ENOMEM;
  *block = __libc_memalign(alignment, size);
  return *block ? 0 : ENOMEM;
}
