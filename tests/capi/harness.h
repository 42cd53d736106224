/* What the rows are written with: one check is one line of TAP. */
#ifndef CAPI_HARNESS_H
#define CAPI_HARNESS_H

#include <stdbool.h>
#include <stddef.h>

#include "cimfs.h"

#define HR(code) ((HRESULT)(0x80070000u | (code)))
#define FILE_NOT_FOUND HR(2u)
#define PATH_NOT_FOUND HR(3u)
#define SHARING_VIOLATION HR(32u)
#define HANDLE_EOF HR(38u)
#define NOT_SUPPORTED HR(50u)
#define FILE_EXISTS HR(80u)
#define DISK_FULL HR(112u)
#define ALREADY_EXISTS HR(183u)
#define FILE_CORRUPT HR(1392u)

#define ATTRIBUTE_READONLY 0x1u
#define ATTRIBUTE_DIRECTORY 0x10u
#define ATTRIBUTE_ARCHIVE 0x20u
#define ATTRIBUTE_NORMAL 0x80u
#define ATTRIBUTE_REPARSE_POINT 0x400u

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Prints one line. `want` and `got` are shown where they differ. */
void is(const char *what, int64_t got, int64_t want);
void ok(const char *what, bool good);
void skip(const char *what, const char *why);
/* Ends the program: the rows that follow would make no sense. */
void must(const char *what, bool good);

/* Makes an empty directory, and makes it the one that the functions below mean. */
void fresh(const char *name);
/* Paths in that directory; valid until the fourth call after. */
const char *path_of(const char *name);
PCWSTR wide(const char *text);
PCWSTR here(void);
PCWSTR wide_path(const char *name);
/* Files in that directory, but for the writer's lock. */
int count_files(void);
void write_file(const char *name, const void *bytes, size_t len);

/* What most rows begin with. */
CIMFS_IMAGE_HANDLE begin(PCWSTR existing, PCWSTR created);
CIMFS_FILE_METADATA file_of(int64_t size);
CIMFS_FILE_METADATA directory(void);
CIMFS_STREAM_HANDLE open_file(CIMFS_IMAGE_HANDLE image, PCWSTR path, int64_t size);
void put(CIMFS_IMAGE_HANDLE image, PCWSTR path, const char *text);
void put_stream(CIMFS_IMAGE_HANDLE image, PCWSTR path, const char *text);
void mkdirs(CIMFS_IMAGE_HANDLE image, PCWSTR path);
/* Commits and closes. */
void finish(CIMFS_IMAGE_HANDLE image);
/* Makes NAME.cim with one file, `f`, which says `text`. */
void simple_image(PCWSTR name, const char *text);

HRESULT create_file(CIMFS_IMAGE_HANDLE image, PCWSTR path, const CIMFS_FILE_METADATA *metadata);
HRESULT create_stream(CIMFS_IMAGE_HANDLE image, PCWSTR path, uint64_t size);
/* What a file of a committed image says; NULL where there is none. */
const char *cat(const char *image, PCWSTR path);
void says(const char *what, const char *image, PCWSTR path, const char *want);

/* Runs `act` in a child process, as nobody where `drop` is set and this is root. */
HRESULT in_child(HRESULT (*act)(void), bool drop);

void test_create(void);
void test_files(void);
void test_metadata(void);
void test_write(void);
void test_streams(void);
void test_links(void);
void test_over_links(void);
void test_lookup(void);
void test_delete(void);
void test_commit(void);
void test_failures(void);
void test_handles(void);
void test_threads(void);
void test_read(void);
void test_unsupported(void);
void test_mount(void);
void test_result(void);

#endif
