/* CimCreateAlternateStream. */
#include "harness.h"

#include <stdio.h>

static CIMFS_IMAGE_HANDLE image;

static void malformed(void) {
    static const WCHAR *const bad[] = {
        u"f",        u"f:",         u"f::",          u"f::$DATA", u":s",    u"\\:s",   u"d\\:s",
        u"f:s:",     u"f:s:$INDEX", u"f:s:$DATA:x",  u"f:.",      u"f:..",  u"f:a\\b", u"",
        u"\\",       u"f:a/b",      u"f:a*b",        u"f:a?b",    u"a:b\\f", u"\\\\f:s", u"d\\..\\f:s",
        u"f:s:DATA", u"f:s:$DATA ", u"f:a\x01z",     u"f\\:s",    u"f\\",
    };
    char what[64];
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(what, sizeof what, "stream: malformed path %zu", i);
        is(what, create_stream(image, bad[i], 0), E_INVALIDARG);
    }
    WCHAR name[259] = {'f', ':'};
    for (size_t i = 2; i < 257; i++)
        name[i] = 'n';
    is("stream: name of 255 units", create_stream(image, name, 0), S_OK);
    name[257] = 'n';
    is("stream: name of 256 units", create_stream(image, name, 0), E_INVALIDARG);
}

static void good(void) {
    is("stream: of a file", create_stream(image, u"f:one", 0), S_OK);
    is("stream: with its type", create_stream(image, u"f:two:$DATA", 0), S_OK);
    is("stream: with its type in lower case", create_stream(image, u"f:three:$data", 0), S_OK);
    is("stream: leading backslash", create_stream(image, u"\\d\\f:s", 0), S_OK);
    is("stream: of a directory", create_stream(image, u"d:s", 0), S_OK);
    is("stream: again", create_stream(image, u"f:one", 0), S_OK);
    is("stream: of 2^48 - 1 bytes", create_stream(image, u"f:sparse", ((uint64_t)1 << 48) - 1), S_OK);
    put_stream(image, u"f:one", "first");
    put_stream(image, u"f:ONE", "second");
    put_stream(image, u"d:s", "of a directory");
}

static void refused(void) {
    CIMFS_STREAM_HANDLE stream = (CIMFS_STREAM_HANDLE)&stream;
    is("stream: file absent", create_stream(image, u"none:s", 0), PATH_NOT_FOUND);
    is("stream: directory absent", create_stream(image, u"none\\f:s", 0), PATH_NOT_FOUND);
    is("stream: below a file", create_stream(image, u"f\\g:s", 0), PATH_NOT_FOUND);
    is("stream: of 2^48 bytes", create_stream(image, u"f:s", (uint64_t)1 << 48), E_INVALIDARG);
    is("stream: of 2^64 - 1 bytes", create_stream(image, u"f:s", UINT64_MAX), E_INVALIDARG);
    is("stream: no image", CimCreateAlternateStream(NULL, u"f:s", 0, &stream), E_INVALIDARG);
    ok("stream: the handle is cleared", stream == NULL);
    is("stream: no path", CimCreateAlternateStream(image, NULL, 0, &stream), E_INVALIDARG);
    is("stream: no place for the handle", CimCreateAlternateStream(image, u"f:s", 0, NULL), E_INVALIDARG);
    is("stream: nothing came of these", CimDeletePath(image, u"f:s"), PATH_NOT_FOUND);
}

static void data(void) {
    CIMFS_STREAM_HANDLE stream = NULL, other = NULL;
    CIMFS_FILE_METADATA metadata = file_of(0);
    is("stream: opens", CimCreateAlternateStream(image, u"f:data", 4, &stream), S_OK);
    is("stream: is the one that is open", CimCreateFile(image, u"g", &metadata, &other), SHARING_VIOLATION);
    is("stream: so is a second one", CimCreateAlternateStream(image, u"d:t", 1, &other), SHARING_VIOLATION);
    is("stream: write", CimWriteStream(stream, "abc", 3), S_OK);
    is("stream: write beyond the end", CimWriteStream(stream, "de", 2), HANDLE_EOF);
    is("stream: write up to the end", CimWriteStream(stream, "d", 1), S_OK);
    CimCloseStream(stream);
    is("stream: write after closing", CimWriteStream(stream, "", 0), E_INVALIDARG);
}

void test_streams(void) {
    fresh("streams");
    image = begin(NULL, u"streams.cim");
    mkdirs(image, u"d");
    put(image, u"f", "main");
    put(image, u"d\\f", "below");
    malformed();
    good();
    refused();
    data();
    finish(image);
    says("stream: the file's data is as it was", "streams.cim", u"f", "main");
    says("stream: data", "streams.cim", u"f:data", "abcd");
    says("stream: the later one counts", "streams.cim", u"f:one", "second");
    says("stream: data of a directory's", "streams.cim", u"d:s:$DATA", "of a directory");
}
