/* CimWriteStream and CimCloseStream. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

static CIMFS_IMAGE_HANDLE image;

static void sizes(void) {
    CIMFS_STREAM_HANDLE stream = open_file(image, u"f", 4);
    is("write: a part", CimWriteStream(stream, "ab", 2), S_OK);
    is("write: beyond the end", CimWriteStream(stream, "cde", 3), HANDLE_EOF);
    is("write: no bytes", CimWriteStream(stream, "", 0), S_OK);
    is("write: no bytes from nowhere", CimWriteStream(stream, NULL, 0), S_OK);
    is("write: bytes from nowhere", CimWriteStream(stream, NULL, 1), E_INVALIDARG);
    is("write: up to the end", CimWriteStream(stream, "cd", 2), S_OK);
    is("write: at the end", CimWriteStream(stream, "e", 1), HANDLE_EOF);
    is("write: no bytes at the end", CimWriteStream(stream, "", 0), S_OK);
    CimCloseStream(stream);
    is("write: after closing", CimWriteStream(stream, "x", 1), E_INVALIDARG);
    CimCloseStream(stream);
    ok("close: twice does no harm", true);
    stream = open_file(image, u"short", 6);
    is("write: less than declared", CimWriteStream(stream, "ab", 2), S_OK);
    CimCloseStream(stream);
    CimCloseStream(open_file(image, u"never", 3));
    stream = open_file(image, u"empty", 0);
    is("write: into an empty file", CimWriteStream(stream, "x", 1), HANDLE_EOF);
    CimCloseStream(stream);
}

static void large(void) {
    const uint32_t piece = 1 << 20;
    char *bytes = malloc(piece);
    must("memory", bytes != NULL);
    CIMFS_STREAM_HANDLE stream = open_file(image, u"large", 4 * (int64_t)piece);
    HRESULT result = S_OK;
    for (int i = 0; i < 4 && result == S_OK; i++) {
        memset(bytes, 'a' + i, piece);
        result = CimWriteStream(stream, bytes, piece);
    }
    is("write: many pieces", result, S_OK);
    is("write: beyond the end of many pieces", CimWriteStream(stream, bytes, piece), HANDLE_EOF);
    CimCloseStream(stream);
    free(bytes);
}

static void directories(void) {
    CIMFS_FILE_METADATA metadata = directory();
    CIMFS_STREAM_HANDLE stream = NULL;
    is("directory: has a handle", CimCreateFile(image, u"d", &metadata, &stream), S_OK);
    is("directory: takes no data", CimWriteStream(stream, "x", 1), HANDLE_EOF);
    is("directory: takes no bytes", CimWriteStream(stream, "", 0), S_OK);
    is("directory: is open like a stream", create_file(image, u"d\\f", &metadata), SHARING_VIOLATION);
    CimCloseStream(stream);
    is("directory: closed", create_file(image, u"d\\f", &metadata), S_OK);
    is("directory: handle is stale", CimWriteStream(stream, "", 0), E_INVALIDARG);
}

static void one_at_a_time(void) {
    CIMFS_FILE_METADATA metadata = file_of(1);
    CIMFS_STREAM_HANDLE stream = open_file(image, u"open", 1);
    is("open stream: create a file", create_file(image, u"x", &metadata), SHARING_VIOLATION);
    metadata = directory();
    is("open stream: create a directory", create_file(image, u"x", &metadata), SHARING_VIOLATION);
    is("open stream: create a stream", create_stream(image, u"f:s", 1), SHARING_VIOLATION);
    is("open stream: link", CimCreateHardLink(image, u"l", u"f"), SHARING_VIOLATION);
    is("open stream: delete", CimDeletePath(image, u"f"), SHARING_VIOLATION);
    is("open stream: delete a stream", CimDeletePath(image, u"f:s"), SHARING_VIOLATION);
    is("open stream: commit", CimCommitImage(image), SHARING_VIOLATION);
    is("open stream: still good", CimWriteStream(stream, "1", 1), S_OK);
    CimCloseStream(stream);
    is("closed stream: delete", CimDeletePath(image, u"open"), S_OK);
}

void test_write(void) {
    char first[2], zeros[3] = {1, 1, 1};
    uint64_t count = 0, left = 0;
    fresh("write");
    image = begin(NULL, u"write.cim");
    sizes();
    large();
    directories();
    one_at_a_time();
    finish(image);
    says("write: what fitted is there, and nothing else", "write.cim", u"f", "abcd");
    says("write: an empty file", "write.cim", u"empty", "");
    is("write: the short file reads", CimReadFile(wide_path("write.cim"), u"short", 0, zeros, 3, &count, &left), S_OK);
    ok("write: bytes of the short file", count == 3 && left == 3 && memcmp(zeros, "ab\0", 3) == 0);
    CimReadFile(wide_path("write.cim"), u"short", 3, zeros, 3, &count, &left);
    ok("write: the rest of it is zero", count == 3 && left == 0 && memcmp(zeros, "\0\0\0", 3) == 0);
    memset(zeros, 1, 3);
    CimReadFile(wide_path("write.cim"), u"never", 0, zeros, 3, &count, &left);
    ok("write: a file that was never written is zero", count == 3 && memcmp(zeros, "\0\0\0", 3) == 0);
    is("write: the large file reads", CimReadFile(wide_path("write.cim"), u"large", (1 << 20) - 1, first, 2, &count, &left), S_OK);
    ok("write: across a border of pieces", memcmp(first, "ab", 2) == 0 && left == 3 * (1 << 20) - 1);
}
