/* CimCreateFile: paths and what they replace. */
#include "harness.h"

#include <stdio.h>

static CIMFS_IMAGE_HANDLE image;

static HRESULT at(PCWSTR path) {
    CIMFS_FILE_METADATA metadata = file_of(0);
    return create_file(image, path, &metadata);
}

static HRESULT directory_at(PCWSTR path) {
    CIMFS_FILE_METADATA metadata = directory();
    return create_file(image, path, &metadata);
}

/* A path of `units` units, in names of `name` units and separators. */
static PCWSTR long_path(size_t units, size_t name) {
    static WCHAR path[40001];
    must("a path fits", units < COUNT(path));
    for (size_t i = 0; i < units; i++)
        path[i] = i % (name + 1) == name ? '\\' : 'a';
    path[units] = 0;
    return path;
}

static void paths(void) {
    static const char forbidden[] = "\"*/:<>?|";
    char what[64];
    is("file: plain", at(u"plain"), S_OK);
    is("file: leading backslash", at(u"\\leading"), S_OK);
    is("file: in a directory", at(u"d\\f"), S_OK);
    is("file: leading backslash, in a directory", at(u"\\d\\g"), S_OK);
    is("file: odd but allowed name", at(u" .a..b. "), S_OK);
    is("file: three dots", at(u"..."), S_OK);
    is("file: two leading backslashes", at(u"\\\\f"), E_INVALIDARG);
    is("file: trailing backslash", at(u"f\\"), E_INVALIDARG);
    is("file: empty component", at(u"d\\\\f"), E_INVALIDARG);
    is("file: dot", at(u"."), E_INVALIDARG);
    is("file: dot below", at(u"d\\."), E_INVALIDARG);
    is("file: dot on the way", at(u".\\f"), E_INVALIDARG);
    is("file: dots", at(u".."), E_INVALIDARG);
    is("file: dots on the way", at(u"d\\..\\f"), E_INVALIDARG);
    is("file: a stream", at(u"plain:s"), E_INVALIDARG);
    is("file: 255 units", at(long_path(255, 255)), S_OK);
    is("file: 256 units", at(long_path(256, 256)), E_INVALIDARG);
    is("file: path of 32767 units", at(long_path(32767, 200)), PATH_NOT_FOUND);
    is("file: path of 32768 units", at(long_path(32768, 200)), E_INVALIDARG);
    is("file: path of 40000 units", at(long_path(40000, 200)), E_INVALIDARG);
    for (size_t i = 0; i + 1 < sizeof forbidden; i++) {
        WCHAR path[] = {'a', (unsigned char)forbidden[i], 'b', 0};
        snprintf(what, sizeof what, "file: %c in a name", forbidden[i]);
        is(what, at(path), E_INVALIDARG);
    }
    for (unsigned unit = 1; unit < 32; unit++) {
        WCHAR path[] = {'a', (WCHAR)unit, 0};
        snprintf(what, sizeof what, "file: unit %u in a name", unit);
        is(what, at(path), E_INVALIDARG);
    }
    is("directory: forbidden character", directory_at(u"a?"), E_INVALIDARG);
    is("directory: empty component", directory_at(u"d\\\\e"), E_INVALIDARG);
}

static void root_itself(void) {
    is("file: in place of the root", at(u""), E_INVALIDARG);
    is("file: in place of the root, by backslash", at(u"\\"), E_INVALIDARG);
    is("directory: the root again", directory_at(u""), S_OK);
    is("directory: the root again, by backslash", directory_at(u"\\"), S_OK);
    is("directory: the root keeps its children", CimDeletePath(image, u"plain"), S_OK);
}

static void parents(void) {
    is("file: parent absent", at(u"none\\f"), PATH_NOT_FOUND);
    is("file: grandparent absent", at(u"none\\none\\f"), PATH_NOT_FOUND);
    is("file: parent is a file", at(u"d\\f\\g"), PATH_NOT_FOUND);
    is("directory: parent absent", directory_at(u"none\\d"), PATH_NOT_FOUND);
    is("directory: parent is a file", directory_at(u"d\\f\\e"), PATH_NOT_FOUND);
    is("file: parent in other case", at(u"D\\h"), S_OK);
}

static void replacements(void) {
    mkdirs(image, u"r");
    put(image, u"r\\f", "old");
    put_stream(image, u"r\\f:s", "gone");
    put(image, u"r\\f", "new");
    is("file over file: its streams went", CimDeletePath(image, u"r\\f:s"), PATH_NOT_FOUND);
    mkdirs(image, u"r\\kept");
    put(image, u"r\\kept\\child", "child");
    is("directory over directory", directory_at(u"r\\kept"), S_OK);
    is("directory over directory, other case", directory_at(u"R\\KEPT"), S_OK);
    mkdirs(image, u"r\\lost");
    put(image, u"r\\lost\\child", "child");
    is("file over directory", at(u"r\\lost"), S_OK);
    is("file over directory: the children went", CimDeletePath(image, u"r\\lost\\child"), PATH_NOT_FOUND);
    put(image, u"r\\turned", "data");
    is("directory over file", directory_at(u"r\\turned"), S_OK);
    put(image, u"r\\turned\\child", "below");
}

static void arguments(void) {
    CIMFS_FILE_METADATA metadata = file_of(0);
    CIMFS_STREAM_HANDLE stream = (CIMFS_STREAM_HANDLE)&stream;
    is("file: no image", CimCreateFile(NULL, u"x", &metadata, &stream), E_INVALIDARG);
    ok("file: the handle is cleared", stream == NULL);
    is("file: no path", CimCreateFile(image, NULL, &metadata, &stream), E_INVALIDARG);
    is("file: no metadata", CimCreateFile(image, u"x", NULL, &stream), E_INVALIDARG);
    is("file: no place for the handle", CimCreateFile(image, u"x", &metadata, NULL), E_INVALIDARG);
    is("file: nothing of these exists", CimDeletePath(image, u"x"), PATH_NOT_FOUND);
}

void test_files(void) {
    fresh("files");
    image = begin(NULL, u"files.cim");
    mkdirs(image, u"d");
    paths();
    root_itself();
    parents();
    replacements();
    arguments();
    finish(image);
    says("file over file", "files.cim", u"r\\f", "new");
    says("directory over directory: the children stay", "files.cim", u"r\\kept\\child", "child");
    says("file over directory: it is a file", "files.cim", u"r\\lost", "");
    says("directory over file: it is a directory", "files.cim", u"r\\turned\\child", "below");
}
