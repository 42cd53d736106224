/* CimCreateFile: symlinks and junctions in the place of directories, and the other way round. */
#include "harness.h"

static CIMFS_IMAGE_HANDLE image;

/* A symlink to `f`, a junction to nowhere, and a tag that stands for no other name. */
static const unsigned char symlink[] = {
    0x0C, 0, 0, 0xA0, 16, 0, 0, 0, 0, 0, 2, 0, 2, 0, 2, 0, 1, 0, 0, 0, 'f', 0, 'f', 0,
};
static const unsigned char junction[] = {
    3, 0, 0, 0xA0, 12, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
};
static const unsigned char placeholder[] = {0x1A, 0, 0, 0x90, 4, 0, 0, 0, 1, 2, 3, 4};

static HRESULT make(PCWSTR path, uint32_t attributes, const unsigned char *reparse, uint32_t len) {
    CIMFS_FILE_METADATA metadata = file_of(0);
    metadata.Attributes = attributes;
    metadata.ReparseDataBuffer = reparse;
    metadata.ReparseDataSize = len;
    return create_file(image, path, &metadata);
}

#define DIRECTORY_LINK(path, bytes) make(path, ATTRIBUTE_DIRECTORY | ATTRIBUTE_REPARSE_POINT, bytes, sizeof bytes)
#define FILE_LINK(path, bytes) make(path, ATTRIBUTE_REPARSE_POINT, bytes, sizeof bytes)

static void fill(PCWSTR const paths[], size_t count) {
    static WCHAR below[64];
    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        mkdirs(image, paths[i]);
        for (; paths[i][len] != 0; len++)
            below[len] = paths[i][len];
        for (size_t j = 0; j < 3; j++)
            below[len + j] = u"\\f"[j];
        put(image, below, "below");
    }
}

static bool gone(PCWSTR path) {
    BOOLEAN exists = 99;
    return CimLookupFile(image, path, &exists) == S_OK && !exists;
}

static void rows(const char *const what[]) {
    is(what[0], DIRECTORY_LINK(u"a", symlink), S_OK);
    ok(what[1], gone(u"a\\f"));
    is(what[2], DIRECTORY_LINK(u"b", junction), S_OK);
    ok(what[3], gone(u"b\\f"));
    is(what[4], FILE_LINK(u"c", symlink), S_OK);
    ok(what[5], gone(u"c\\f"));
    is(what[6], DIRECTORY_LINK(u"d", placeholder), S_OK);
    ok(what[7], !gone(u"d\\f"));
    is(what[8], CimDeletePath(image, u"a\\f"), PATH_NOT_FOUND);
}

static void back(void) {
    mkdirs(image, u"a");
    ok("over links: a directory over a symlink is empty", gone(u"a\\f"));
    put(image, u"a\\new", "new");
    mkdirs(image, u"a");
    ok("over links: a directory over that keeps its children", !gone(u"a\\new"));
    is("over links: a junction over a symlink", DIRECTORY_LINK(u"c", junction), S_OK);
    is("over links: a file below it", create_file(image, u"c\\x", &(CIMFS_FILE_METADATA){0}), E_INVALIDARG);
    is("over links: the root", DIRECTORY_LINK(u"", junction), E_INVALIDARG);
    is("over links: the root, by backslash", DIRECTORY_LINK(u"\\", symlink), E_INVALIDARG);
    ok("over links: the root keeps its children", !gone(u"d\\f"));
}

void test_over_links(void) {
    static PCWSTR const directories[] = {u"a", u"b", u"c", u"d"};
    static const char *const one[] = {
        "over links: a symlink over a directory", "over links: nothing is below it",
        "over links: a junction over a directory", "over links: nothing is below that",
        "over links: a symlink to a file", "over links: nothing is below that one",
        "over links: a placeholder over a directory", "over links: which keeps its children",
        "over links: what was below cannot be deleted",
    };
    static const char *const fork[] = {
        "over links in fork: a symlink over a directory", "over links in fork: nothing is below it",
        "over links in fork: a junction over a directory", "over links in fork: nothing is below that",
        "over links in fork: a symlink to a file", "over links in fork: nothing is below that one",
        "over links in fork: a placeholder over a directory", "over links in fork: which keeps its children",
        "over links in fork: what was below cannot be deleted",
    };
    fresh("over_links");
    image = begin(NULL, u"one.cim");
    fill(directories, COUNT(directories));
    rows(one);
    back();
    finish(image);
    says("over links: read back, below the symlink", "one.cim", u"b\\f", NULL);
    says("over links: read back, below the placeholder", "one.cim", u"d\\f", "below");
    image = begin(NULL, u"parent.cim");
    fill(directories, COUNT(directories));
    finish(image);
    image = begin(u"parent.cim", u"fork.cim");
    rows(fork);
    finish(image);
    says("over links in fork: read back", "fork.cim", u"a\\f", NULL);
    says("over links in fork: the parent keeps it", "parent.cim", u"a\\f", "below");
}
