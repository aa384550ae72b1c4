/* A disk that fails (LD_PRELOAD): of a file whose path holds FAILING_PATH, what is beyond FAILING_ROOM bytes is not written,
   and the error is FAILING_ERRNO. The environment is read at each write, so that a process can change it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int fails(int file, off_t end) {
    const char *failing = getenv("FAILING_PATH"), *room = getenv("FAILING_ROOM"), *code = getenv("FAILING_ERRNO");
    char link[64], path[4096];
    if (!failing || !*failing || !room || !code) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    if (!strstr(path, failing) || end <= atoll(room)) return 0;
    errno = atoi(code);
    return 1;
}

static off_t place(int file) {
    struct stat status;
    off_t now = lseek(file, 0, SEEK_CUR);
    return now >= 0 ? now : fstat(file, &status) ? 0 : status.st_size;
}

#define NEXT(name) __typeof__(name) *next = dlsym(RTLD_NEXT, #name)

ssize_t write(int file, const void *bytes, size_t count) {
    NEXT(write);
    return fails(file, place(file) + count) ? -1 : next(file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t from) {
    NEXT(pwrite);
    return fails(file, from + count) ? -1 : next(file, bytes, count, from);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t from) {
    NEXT(pwrite64);
    return fails(file, from + count) ? -1 : next(file, bytes, count, from);
}

ssize_t writev(int file, const struct iovec *pieces, int count) {
    NEXT(writev);
    off_t end = place(file);
    for (int number = 0; number < count; number++) end += pieces[number].iov_len;
    return fails(file, end) ? -1 : next(file, pieces, count);
}

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *stream) {
    NEXT(fwrite);
    return fails(fileno(stream), ftello(stream) + size * count) ? 0 : next(bytes, size, count, stream);
}
