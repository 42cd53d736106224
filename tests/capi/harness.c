#define _GNU_SOURCE
#include "harness.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *root;
static char current[1024];
static int rows, bad;

static void line(bool good, const char *what) {
    rows++;
    bad += !good;
    printf("%s %d - %s", good ? "ok" : "not ok", rows, what);
}

void is(const char *what, int64_t got, int64_t want) {
    line(got == want, what);
    if (got != want)
        printf(" # got %lld (%#x), want %lld (%#x)", (long long)got, (unsigned)got, (long long)want, (unsigned)want);
    printf("\n");
}

void ok(const char *what, bool good) {
    line(good, what);
    printf("\n");
}

void skip(const char *what, const char *why) {
    line(true, what);
    printf(" # SKIP %s\n", why);
}

void must(const char *what, bool good) {
    if (good)
        return;
    ok(what, false);
    printf("Bail out! %s\n", what);
    fflush(stdout);
    exit(2);
}

void fresh(const char *name) {
    snprintf(current, sizeof current, "%s/%s", root, name);
    must("make a directory", mkdir(current, 0755) == 0);
}

const char *path_of(const char *name) {
    static char paths[4][2048];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", current, name);
    return path;
}

PCWSTR wide(const char *text) {
    static WCHAR units[4][2048];
    static int turn;
    WCHAR *out = units[turn++ % 4];
    size_t len = strlen(text);
    must("a text fits", len < COUNT(units[0]));
    for (size_t i = 0; i <= len; i++)
        out[i] = (unsigned char)text[i];
    return out;
}

PCWSTR here(void) { return wide(current); }

PCWSTR wide_path(const char *name) { return wide(path_of(name)); }

int count_files(void) {
    DIR *open = opendir(current);
    int count = 0;
    must("list a directory", open != NULL);
    for (struct dirent *entry; (entry = readdir(open)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(open);
    return count;
}

void write_file(const char *name, const void *bytes, size_t len) {
    FILE *file = fopen(path_of(name), "wb");
    must("write a file", file != NULL && fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
}

CIMFS_IMAGE_HANDLE begin(PCWSTR existing, PCWSTR created) {
    CIMFS_IMAGE_HANDLE image = NULL;
    must("begin an image", CimCreateImage(here(), existing, created, &image) == S_OK && image != NULL);
    return image;
}

CIMFS_FILE_METADATA file_of(int64_t size) {
    CIMFS_FILE_METADATA metadata = {.Attributes = ATTRIBUTE_ARCHIVE, .FileSize = size};
    metadata.CreationTime.QuadPart = 1;
    metadata.LastWriteTime.QuadPart = 2;
    metadata.ChangeTime.QuadPart = 3;
    metadata.LastAccessTime.QuadPart = 4;
    return metadata;
}

CIMFS_FILE_METADATA directory(void) {
    CIMFS_FILE_METADATA metadata = file_of(0);
    metadata.Attributes = ATTRIBUTE_DIRECTORY;
    return metadata;
}

HRESULT create_file(CIMFS_IMAGE_HANDLE image, PCWSTR path, const CIMFS_FILE_METADATA *metadata) {
    CIMFS_STREAM_HANDLE stream = NULL;
    HRESULT result = CimCreateFile(image, path, metadata, &stream);
    if (result == S_OK)
        CimCloseStream(stream);
    return result;
}

HRESULT create_stream(CIMFS_IMAGE_HANDLE image, PCWSTR path, uint64_t size) {
    CIMFS_STREAM_HANDLE stream = NULL;
    HRESULT result = CimCreateAlternateStream(image, path, size, &stream);
    if (result == S_OK)
        CimCloseStream(stream);
    return result;
}

CIMFS_STREAM_HANDLE open_file(CIMFS_IMAGE_HANDLE image, PCWSTR path, int64_t size) {
    CIMFS_FILE_METADATA metadata = file_of(size);
    CIMFS_STREAM_HANDLE stream = NULL;
    must("create a file", CimCreateFile(image, path, &metadata, &stream) == S_OK && stream != NULL);
    return stream;
}

void put(CIMFS_IMAGE_HANDLE image, PCWSTR path, const char *text) {
    uint32_t len = (uint32_t)strlen(text);
    CIMFS_STREAM_HANDLE stream = open_file(image, path, len);
    must("write a file", CimWriteStream(stream, text, len) == S_OK);
    CimCloseStream(stream);
}

void put_stream(CIMFS_IMAGE_HANDLE image, PCWSTR path, const char *text) {
    uint32_t len = (uint32_t)strlen(text);
    CIMFS_STREAM_HANDLE stream = NULL;
    must("create a stream", CimCreateAlternateStream(image, path, len, &stream) == S_OK);
    must("write a stream", CimWriteStream(stream, text, len) == S_OK);
    CimCloseStream(stream);
}

void mkdirs(CIMFS_IMAGE_HANDLE image, PCWSTR path) {
    CIMFS_FILE_METADATA metadata = directory();
    must("create a directory", create_file(image, path, &metadata) == S_OK);
}

void finish(CIMFS_IMAGE_HANDLE image) {
    must("commit", CimCommitImage(image) == S_OK);
    CimCloseImage(image);
}

void simple_image(PCWSTR name, const char *text) {
    CIMFS_IMAGE_HANDLE image = begin(NULL, name);
    put(image, u"f", text);
    finish(image);
}

const char *cat(const char *image, PCWSTR path) {
    static char buffer[4096];
    uint64_t count = 0, left = 0;
    HRESULT result = CimReadFile(wide_path(image), path, 0, buffer, sizeof buffer - 1, &count, &left);
    buffer[count] = 0;
    return result == S_OK && left == 0 ? buffer : NULL;
}

void says(const char *what, const char *image, PCWSTR path, const char *want) {
    const char *got = cat(image, path);
    ok(what, want == NULL ? got == NULL : got != NULL && strcmp(got, want) == 0);
}

HRESULT in_child(HRESULT (*act)(void), bool drop) {
    int ends[2];
    HRESULT result = 0x7FFFFFFF;
    must("make a pipe", pipe(ends) == 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (drop && geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(2);
        result = act();
        _exit(write(ends[1], &result, sizeof result) != sizeof result);
    }
    close(ends[1]);
    must("hear from the child", child > 0 && read(ends[0], &result, sizeof result) == sizeof result);
    close(ends[0]);
    waitpid(child, NULL, 0);
    return result;
}

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
    root = argv[1];
    test_create();
    test_files();
    test_metadata();
    test_write();
    test_streams();
    test_links();
    test_over_links();
    test_lookup();
    test_delete();
    test_commit();
    test_failures();
    test_handles();
    test_threads();
    test_read();
    test_unsupported();
    test_mount();
    test_result();
    printf("1..%d\n", rows);
    return bad != 0;
}
