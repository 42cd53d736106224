/* CimReadFile and CimGetFileStatBasicInformation. */
#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char buffer[16];
static uint64_t count, left;

static HRESULT read_at(const char *image, PCWSTR path, uint64_t offset, uint64_t len) {
    memset(buffer, '#', sizeof buffer);
    count = left = 99;
    return CimReadFile(wide_path(image), path, offset, buffer, len, &count, &left);
}

static void ranges(void) {
    is("read: all", read_at("a.cim", u"f", 0, 10), S_OK);
    ok("read: all bytes", count == 10 && left == 0 && memcmp(buffer, "0123456789#", 11) == 0);
    is("read: the middle", read_at("a.cim", u"\\f", 3, 4), S_OK);
    ok("read: bytes of the middle", count == 4 && left == 3 && memcmp(buffer, "3456#", 5) == 0);
    is("read: more than there is", read_at("a.cim", u"f", 8, 8), S_OK);
    ok("read: bytes of the end", count == 2 && left == 0 && memcmp(buffer, "89#", 3) == 0);
    is("read: at the end", read_at("a.cim", u"f", 10, 4), S_OK);
    ok("read: no bytes at the end", count == 0 && left == 0);
    is("read: far behind the end", read_at("a.cim", u"f", UINT64_MAX, 4), S_OK);
    ok("read: no bytes there", count == 0 && left == 0);
    is("read: no bytes into nothing", CimReadFile(wide_path("a.cim"), u"f", 4, NULL, 0, &count, &left), S_OK);
    ok("read: tells what is left", count == 0 && left == 6);
    is("read: a stream", read_at("a.cim", u"f:s", 1, 2), S_OK);
    ok("read: bytes of the stream", count == 2 && left == 1 && memcmp(buffer, "id", 2) == 0);
    is("read: sparse", read_at("a.cim", u"sparse", ((uint64_t)1 << 40) - 2, 4), S_OK);
    ok("read: zeros", count == 2 && left == 0 && memcmp(buffer, "\0\0#", 3) == 0);
    is("read: other case", read_at("a.cim", u"F", 0, 1), S_OK);
}

static void refused(void) {
    is("read: image absent", read_at("none.cim", u"f", 0, 1), FILE_NOT_FOUND);
    ok("read: a failure reads nothing", count == 0 && left == 0);
    is("read: directory of the image absent", read_at("none/a.cim", u"f", 0, 1), PATH_NOT_FOUND);
    is("read: that directory is a file", read_at("text.cim/a.cim", u"f", 0, 1), PATH_NOT_FOUND);
    is("read: file absent", read_at("a.cim", u"none", 0, 1), PATH_NOT_FOUND);
    is("read: below a file", read_at("a.cim", u"f\\g", 0, 1), PATH_NOT_FOUND);
    is("read: stream absent", read_at("a.cim", u"f:none", 0, 1), PATH_NOT_FOUND);
    is("read: a directory", read_at("a.cim", u"d", 0, 1), E_ACCESSDENIED);
    is("read: the root", read_at("a.cim", u"", 0, 1), E_ACCESSDENIED);
    is("read: malformed path", read_at("a.cim", u"d\\\\f", 0, 1), E_INVALIDARG);
    is("read: no image at all", read_at("text.cim", u"f", 0, 1), FILE_CORRUPT);
    PCWSTR image = wide_path("a.cim");
    is("read: no image path", CimReadFile(NULL, u"f", 0, buffer, 1, &count, &left), E_INVALIDARG);
    is("read: empty image path", CimReadFile(u"", u"f", 0, buffer, 1, &count, &left), E_INVALIDARG);
    is("read: no path", CimReadFile(image, NULL, 0, buffer, 1, &count, &left), E_INVALIDARG);
    is("read: no buffer", CimReadFile(image, u"f", 0, NULL, 1, &count, &left), E_INVALIDARG);
    is("read: impossible buffer", CimReadFile(image, u"f", 0, buffer, UINT64_MAX, &count, &left), E_INVALIDARG);
    is("read: no place for the count", CimReadFile(image, u"f", 0, buffer, 1, NULL, &left), E_INVALIDARG);
    is("read: no place for the rest", CimReadFile(image, u"f", 0, buffer, 1, &count, NULL), E_INVALIDARG);
}

static void information(void) {
    CIMFS_STAT_BASIC_INFORMATION file, other;
    PCWSTR image = wide_path("a.cim");
    is("stat: a file", CimGetFileStatBasicInformation(image, u"f", &file), S_OK);
    ok("stat: times", file.CreationTime == 1 && file.LastWriteTime == 2 && file.ChangeTime == 3 && file.LastAccessTime == 4);
    ok("stat: sizes", file.EndOfFile == 10 && file.AllocationSize == 4096);
    is("stat: attributes", file.FileAttributes, ATTRIBUTE_ARCHIVE);
    ok("stat: links and tag", file.NumberOfLinks == 2 && file.ReparseTag == 0);
    ok("stat: the file's number", file.FileId > 0 && memcmp(file.FileId128, &file.FileId, 8) == 0);
    is("stat: another name", CimGetFileStatBasicInformation(image, u"g", &other), S_OK);
    is("stat: the same file", memcmp(&file, &other, sizeof file), 0);
    is("stat: a directory", CimGetFileStatBasicInformation(image, u"d", &other), S_OK);
    is("stat: attributes of a directory", other.FileAttributes, ATTRIBUTE_DIRECTORY);
    ok("stat: size of a directory", other.EndOfFile == 0 && other.AllocationSize == 0);
    is("stat: the root", CimGetFileStatBasicInformation(image, u"\\", &other), S_OK);
    is("stat: attributes of the root", other.FileAttributes, ATTRIBUTE_DIRECTORY);
    is("stat: a file without attributes", CimGetFileStatBasicInformation(image, u"plain", &other), S_OK);
    is("stat: which is normal", other.FileAttributes, ATTRIBUTE_NORMAL);
    is("stat: a stream", CimGetFileStatBasicInformation(image, u"f:s", &other), S_OK);
    ok("stat: size of the stream", other.EndOfFile == 4 && other.FileId == file.FileId);
    image = wide_path("a.cim");
    is("stat: absent", CimGetFileStatBasicInformation(image, u"none", &other), PATH_NOT_FOUND);
    ok("stat: a failure tells nothing", other.FileId == 0 && other.EndOfFile == 0);
    is("stat: malformed path", CimGetFileStatBasicInformation(image, u"a|b", &other), E_INVALIDARG);
    is("stat: no path", CimGetFileStatBasicInformation(image, NULL, &other), E_INVALIDARG);
    is("stat: no image path", CimGetFileStatBasicInformation(NULL, u"f", &other), E_INVALIDARG);
    is("stat: no place", CimGetFileStatBasicInformation(image, u"f", NULL), E_INVALIDARG);
    is("stat: image absent", CimGetFileStatBasicInformation(wide_path("none.cim"), u"f", &other), FILE_NOT_FOUND);
    is("stat: no image at all", CimGetFileStatBasicInformation(wide_path("text.cim"), u"f", &other), FILE_CORRUPT);
}

static void flags(void) {
    static const UINT32 refused[] = {1, 2, 3, 4, 0x80000000u};
    CIMFS_STAT_BASIC_INFORMATION one, two;
    PCWSTR image = wide_path("a.cim");
    memset(buffer, '#', sizeof buffer);
    count = left = 99;
    is("read2: no flags", CimReadFile2(image, u"f", 3, buffer, 4, &count, &left, 0), S_OK);
    ok("read2: the same bytes", count == 4 && left == 3 && memcmp(buffer, "3456#", 5) == 0);
    is("read2: absent", CimReadFile2(image, u"none", 0, buffer, 4, &count, &left, 0), PATH_NOT_FOUND);
    is("read2: no path", CimReadFile2(image, NULL, 0, buffer, 4, &count, &left, 0), E_INVALIDARG);
    memset(&two, 0xA5, sizeof two);
    is("stat2: no flags", CimGetFileStatBasicInformation2(image, u"f", &two, 0), S_OK);
    must("stat", CimGetFileStatBasicInformation(image, u"f", &one) == S_OK);
    is("stat2: the same information", memcmp(&one, &two, sizeof one), 0);
    is("stat2: absent", CimGetFileStatBasicInformation2(image, u"none", &two, 0), PATH_NOT_FOUND);
    is("stat2: no place", CimGetFileStatBasicInformation2(image, u"f", NULL, 0), E_INVALIDARG);
    for (size_t i = 0; i < COUNT(refused); i++) {
        char what[64];
        snprintf(what, sizeof what, "read2: flags %#x", (unsigned)refused[i]);
        count = left = 99;
        is(what, CimReadFile2(image, u"f", 0, buffer, 4, &count, &left, refused[i]), NOT_SUPPORTED);
        ok("read2: which reads nothing", count == 0 && left == 0);
        snprintf(what, sizeof what, "stat2: flags %#x", (unsigned)refused[i]);
        is(what, CimGetFileStatBasicInformation2(image, u"f", &two, refused[i]), NOT_SUPPORTED);
        ok("stat2: which tells nothing", two.FileId == 0 && two.EndOfFile == 0);
    }
}

static HRESULT read_as_nobody(void) { return read_at("secret.cim", u"f", 0, 1); }

void test_read(void) {
    fresh("read");
    CIMFS_IMAGE_HANDLE image = begin(NULL, u"a.cim");
    CIMFS_FILE_METADATA metadata = file_of(0);
    mkdirs(image, u"d");
    put(image, u"f", "0123456789");
    put_stream(image, u"f:s", "side");
    must("link", CimCreateHardLink(image, u"g", u"f") == S_OK);
    CimCloseStream(open_file(image, u"sparse", (int64_t)1 << 40));
    metadata.Attributes = 0;
    must("create", create_file(image, u"plain", &metadata) == S_OK);
    finish(image);
    write_file("text.cim", "no image", 8);
    ranges();
    refused();
    information();
    flags();
    simple_image(u"secret.cim", "x");
    must("hide the image", chmod(path_of("secret.cim"), 0) == 0);
    is("read: no right", in_child(read_as_nobody, true), E_ACCESSDENIED);
}
