/* CimDeletePath. */
#include "harness.h"

static CIMFS_IMAGE_HANDLE image;

static HRESULT gone(PCWSTR path) { return CimDeletePath(image, path); }

static void fill(void) {
    mkdirs(image, u"d");
    mkdirs(image, u"d\\e");
    put(image, u"d\\e\\f", "deep");
    put(image, u"file", "file");
    put(image, u"one", "linked");
    must("link", CimCreateHardLink(image, u"two", u"one") == S_OK);
    put(image, u"s", "main");
    put_stream(image, u"s:a", "a");
    put_stream(image, u"s:b", "b");
    put(image, u"kept", "kept");
    mkdirs(image, u"t");
    put_stream(image, u"t:a", "a");
}

static void rows(const char *const what[]) {
    is(what[0], gone(u"\\file"), S_OK);
    is(what[1], gone(u"file"), PATH_NOT_FOUND);
    is(what[2], gone(u"d"), S_OK);
    is(what[3], gone(u"d\\e\\f"), PATH_NOT_FOUND);
    is(what[4], gone(u"one"), S_OK);
    is(what[5], gone(u"s:a"), S_OK);
    is(what[6], gone(u"s:b:$DATA"), S_OK);
    is(what[7], gone(u"s:a"), PATH_NOT_FOUND);
    is(what[8], gone(u"T:A"), S_OK);
}

static void refused(void) {
    is("delete: absent", gone(u"none"), PATH_NOT_FOUND);
    is("delete: absent directory", gone(u"none\\f"), PATH_NOT_FOUND);
    is("delete: below a file", gone(u"kept\\f"), PATH_NOT_FOUND);
    is("delete: stream of an absent file", gone(u"none:s"), PATH_NOT_FOUND);
    is("delete: absent stream", gone(u"kept:s"), PATH_NOT_FOUND);
    is("delete: the root", gone(u""), E_INVALIDARG);
    is("delete: the root, by backslash", gone(u"\\"), E_INVALIDARG);
    is("delete: the data of a file", gone(u"kept::$DATA"), E_INVALIDARG);
    is("delete: malformed path", gone(u"a\\\\b"), E_INVALIDARG);
    is("delete: malformed stream", gone(u"kept:"), E_INVALIDARG);
    is("delete: dots", gone(u"d\\.."), E_INVALIDARG);
    is("delete: no path", gone(NULL), E_INVALIDARG);
    is("delete: no image", CimDeletePath(NULL, u"kept"), E_INVALIDARG);
}

static void look(const char *name) {
    says("delete: the file went", name, u"file", NULL);
    says("delete: all below the directory went", name, u"d\\e\\f", NULL);
    says("delete: the other name stays", name, u"two", "linked");
    says("delete: the stream went", name, u"s:a", NULL);
    says("delete: the file of the stream stays", name, u"s", "main");
    says("delete: what was not named stays", name, u"kept", "kept");
}

void test_delete(void) {
    static const char *const fresh_rows[] = {
        "delete: file", "delete: file, again", "delete: directory", "delete: what was in it", "delete: hard link",
        "delete: stream", "delete: stream with its type", "delete: stream, again", "delete: stream of a directory",
    };
    static const char *const fork_rows[] = {
        "delete in fork: file", "delete in fork: file, again", "delete in fork: directory",
        "delete in fork: what was in it", "delete in fork: hard link", "delete in fork: stream",
        "delete in fork: stream with its type", "delete in fork: stream, again",
        "delete in fork: stream of a directory",
    };
    fresh("delete");
    image = begin(NULL, u"one.cim");
    fill();
    rows(fresh_rows);
    refused();
    finish(image);
    look("one.cim");
    image = begin(NULL, u"parent.cim");
    fill();
    finish(image);
    image = begin(u"parent.cim", u"fork.cim");
    rows(fork_rows);
    finish(image);
    look("fork.cim");
    says("delete in fork: the parent keeps it", "parent.cim", u"d\\e\\f", "deep");
}
