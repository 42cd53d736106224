/* CimLookupFile. */
#include "harness.h"

static CIMFS_IMAGE_HANDLE image;

static void has(const char *what, PCWSTR path, int want) {
    BOOLEAN exists = 99;
    HRESULT result = CimLookupFile(image, path, &exists);
    is(what, result == S_OK ? exists : result, want);
}

static void refuses(const char *what, PCWSTR path, HRESULT want) {
    BOOLEAN exists = 99;
    HRESULT result = CimLookupFile(image, path, &exists);
    is(what, exists == 0 ? result : 99, want);
}

static void names(void) {
    has("lookup: a file", u"d\\f", 1);
    has("lookup: a leading backslash", u"\\d\\f", 1);
    has("lookup: other case", u"D\\F", 1);
    has("lookup: a directory", u"d", 1);
    has("lookup: the root", u"", 1);
    has("lookup: the root, by backslash", u"\\", 1);
    has("lookup: a hard link", u"g", 1);
    has("lookup: absent", u"none", 0);
    has("lookup: absent in a directory", u"d\\none", 0);
    has("lookup: parent absent", u"none\\f", 0);
    has("lookup: below a file", u"d\\f\\x", 0);
    has("lookup: a stream", u"d\\f:s", 1);
    has("lookup: a stream with its type, other case", u"D\\F:S:$data", 1);
    has("lookup: absent stream", u"d\\f:none", 0);
    has("lookup: stream of an absent file", u"none:s", 0);
}

static void refused(void) {
    BOOLEAN exists;
    refuses("lookup: malformed path", u"a\\\\b", E_INVALIDARG);
    refuses("lookup: a backslash at the end", u"d\\", E_INVALIDARG);
    refuses("lookup: dots", u"d\\..", E_INVALIDARG);
    refuses("lookup: forbidden character", u"a|b", E_INVALIDARG);
    refuses("lookup: malformed stream", u"d\\f:", E_INVALIDARG);
    refuses("lookup: no path", NULL, E_INVALIDARG);
    is("lookup: no place for the answer", CimLookupFile(image, u"d", NULL), E_INVALIDARG);
    is("lookup: no image", CimLookupFile(NULL, u"d", &exists), E_INVALIDARG);
}

static void edits(void) {
    CIMFS_STREAM_HANDLE stream;
    has("lookup in fork: the parent's file", u"d\\f", 1);
    has("lookup in fork: the parent's stream", u"d\\f:s", 1);
    has("lookup in fork: absent stream", u"d\\f:t", 0);
    must("delete", CimDeletePath(image, u"d\\f:s") == S_OK);
    has("lookup in fork: a deleted stream", u"d\\f:s", 0);
    must("delete", CimDeletePath(image, u"d") == S_OK);
    has("lookup in fork: a deleted directory", u"d", 0);
    has("lookup in fork: what was in it", u"d\\f", 0);
    has("lookup in fork: the other name", u"g", 1);
    stream = open_file(image, u"new", 3);
    has("lookup: a file whose stream is open", u"NEW", 1);
    has("lookup: another while a stream is open", u"g", 1);
    has("lookup: absent while a stream is open", u"newer", 0);
    CimCloseStream(stream);
    has("lookup: the file when its stream is closed", u"new", 1);
    must("a stream", CimCreateAlternateStream(image, u"new:s", 1, &stream) == S_OK);
    has("lookup: a stream that is open", u"new:S", 1);
    has("lookup: another stream of the file", u"new:t", 0);
    CimCloseStream(stream);
    has("lookup: the stream when it is closed", u"new:s", 1);
    stream = open_file(image, u"new", 3);
    has("lookup: a stream of the file that is being replaced", u"new:s", 0);
    CimCloseStream(stream);
    has("lookup: a stream of the file that was replaced", u"new:s", 0);
}

void test_lookup(void) {
    fresh("lookup");
    image = begin(NULL, u"parent.cim");
    has("lookup: a new image has a root", u"", 1);
    mkdirs(image, u"d");
    put(image, u"d\\f", "data");
    put_stream(image, u"d\\f:s", "side");
    must("link", CimCreateHardLink(image, u"g", u"d\\f") == S_OK);
    names();
    refused();
    must("commit", CimCommitImage(image) == S_OK);
    refuses("lookup: after the commit", u"d", E_INVALIDARG);
    CimCloseImage(image);
    refuses("lookup: after the image was closed", u"d", E_INVALIDARG);
    image = begin(u"parent.cim", u"fork.cim");
    edits();
    finish(image);
}
