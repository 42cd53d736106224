/* CimCreateFile: metadata that is good and metadata that is not. */
#include "harness.h"

#include <string.h>

static CIMFS_IMAGE_HANDLE image;

/* Owner and group are SYSTEM; no lists. */
static const unsigned char security[] = {
    1, 0, 0x00, 0x80, 20, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
};

/* Two entries: A=1 and BB=22. */
static const unsigned char eas[] = {
    12, 0, 0, 0, 0, 1, 1, 0, 'A', 0, '1', 0, 0, 0, 0, 0, 0, 2, 2, 0, 'B', 'B', 0, '2', '2',
};

/* A mount point: substitute and print name are empty. */
static const unsigned char mount_point[] = {
    3, 0, 0, 0xA0, 12, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
};

typedef enum { SECURITY, EAS, REPARSE } Part;

static HRESULT with(Part part, const void *bytes, uint32_t len) {
    CIMFS_FILE_METADATA metadata = file_of(0);
    switch (part) {
    case SECURITY:
        metadata.SecurityDescriptorBuffer = bytes;
        metadata.SecurityDescriptorSize = len;
        break;
    case EAS:
        metadata.EaBuffer = bytes;
        metadata.EaBufferSize = len;
        break;
    case REPARSE:
        metadata.ReparseDataBuffer = bytes;
        metadata.ReparseDataSize = len;
        break;
    }
    return create_file(image, u"f", &metadata);
}

/* The same bytes with one of them changed. */
static HRESULT spoiled(Part part, const unsigned char *bytes, uint32_t len, size_t at, unsigned char value) {
    unsigned char copy[64];
    memcpy(copy, bytes, len);
    copy[at] = value;
    return with(part, copy, len);
}

static void sizes(void) {
    CIMFS_FILE_METADATA metadata = file_of(-1);
    is("metadata: size -1", create_file(image, u"f", &metadata), E_INVALIDARG);
    metadata = file_of(INT64_MIN);
    is("metadata: the most negative size", create_file(image, u"f", &metadata), E_INVALIDARG);
    metadata = directory();
    metadata.FileSize = -1;
    is("metadata: size -1 of a directory", create_file(image, u"f", &metadata), E_INVALIDARG);
    metadata = file_of((int64_t)1 << 48);
    is("metadata: size 2^48", create_file(image, u"f", &metadata), E_INVALIDARG);
    metadata = file_of(INT64_MAX);
    is("metadata: the largest size", create_file(image, u"f", &metadata), E_INVALIDARG);
    is("metadata: no file came of these", CimDeletePath(image, u"f"), PATH_NOT_FOUND);
    metadata = file_of(((int64_t)1 << 48) - 1);
    is("metadata: size 2^48 - 1", create_file(image, u"sparse", &metadata), S_OK);
    metadata = directory();
    metadata.FileSize = 4096;
    is("metadata: size of a directory", create_file(image, u"dir", &metadata), S_OK);
}

static void descriptors(void) {
    const uint32_t len = sizeof security;
    is("security: absent", with(SECURITY, NULL, 0), S_OK);
    is("security: well-formed", with(SECURITY, security, len), S_OK);
    is("security: null with a length", with(SECURITY, NULL, len), E_INVALIDARG);
    is("security: cut off in the header", with(SECURITY, security, 19), E_INVALIDARG);
    is("security: cut off in the group", with(SECURITY, security, len - 1), E_INVALIDARG);
    is("security: revision 2", spoiled(SECURITY, security, len, 0, 2), E_INVALIDARG);
    is("security: not self-relative", spoiled(SECURITY, security, len, 3, 0), E_INVALIDARG);
    is("security: owner beyond the end", spoiled(SECURITY, security, len, 4, 40), E_INVALIDARG);
    is("security: SID of revision 9", spoiled(SECURITY, security, len, 20, 9), E_INVALIDARG);
    is("security: SID too long", spoiled(SECURITY, security, len, 33, 15), E_INVALIDARG);
    is("security: list beyond the end", spoiled(SECURITY, security, len, 16, 44), E_INVALIDARG);
    is("security: garbage", with(SECURITY, "garbage garbage garbage", 23), E_INVALIDARG);
}

static void attributes(void) {
    const uint32_t len = sizeof eas;
    is("EAs: absent", with(EAS, NULL, 0), S_OK);
    is("EAs: well-formed", with(EAS, eas, len), S_OK);
    is("EAs: null with a length", with(EAS, NULL, len), E_INVALIDARG);
    is("EAs: cut off in the header", with(EAS, eas, 7), E_INVALIDARG);
    is("EAs: cut off in the value", with(EAS, eas, len - 1), E_INVALIDARG);
    is("EAs: next entry beyond the end", spoiled(EAS, eas, len, 0, 200), E_INVALIDARG);
    is("EAs: next entry inside this one", spoiled(EAS, eas, len, 0, 4), E_INVALIDARG);
    is("EAs: value beyond the end", spoiled(EAS, eas, len, 18, 200), E_INVALIDARG);
    is("EAs: name without its zero", spoiled(EAS, eas, len, 22, 'B'), E_INVALIDARG);
    is("EAs: no name", spoiled(EAS, eas, len, 5, 0), E_INVALIDARG);
}

static void reparse_points(void) {
    const uint32_t len = sizeof mount_point;
    is("reparse: absent", with(REPARSE, NULL, 0), S_OK);
    is("reparse: well-formed", with(REPARSE, mount_point, len), S_OK);
    is("reparse: null with a length", with(REPARSE, NULL, len), E_INVALIDARG);
    is("reparse: cut off in the header", with(REPARSE, mount_point, 7), E_INVALIDARG);
    is("reparse: cut off in the data", with(REPARSE, mount_point, len - 1), E_INVALIDARG);
    is("reparse: length too large", spoiled(REPARSE, mount_point, len, 4, 200), E_INVALIDARG);
    is("reparse: length too small", spoiled(REPARSE, mount_point, len, 4, 4), E_INVALIDARG);
    is("reparse: tag 0", with(REPARSE, "\0\0\0\0\0\0\0\0", 8), E_INVALIDARG);
}

static void too_long(void) {
    static unsigned char bytes[70000];
    memcpy(bytes, security, sizeof security);
    is("security: longer than 65535", with(SECURITY, bytes, sizeof bytes), E_INVALIDARG);
    is("EAs: longer than 65535", with(EAS, bytes, sizeof bytes), E_INVALIDARG);
    is("reparse: longer than 65535", with(REPARSE, bytes, sizeof bytes), E_INVALIDARG);
}

static void on_directories(void) {
    CIMFS_FILE_METADATA metadata = directory();
    metadata.SecurityDescriptorBuffer = security;
    metadata.SecurityDescriptorSize = sizeof security - 1;
    is("directory: malformed security", create_file(image, u"bad", &metadata), E_INVALIDARG);
    is("directory: nothing came of it", CimDeletePath(image, u"bad"), PATH_NOT_FOUND);
    metadata.SecurityDescriptorSize = sizeof security;
    metadata.EaBuffer = eas;
    metadata.EaBufferSize = sizeof eas;
    metadata.ReparseDataBuffer = mount_point;
    metadata.ReparseDataSize = sizeof mount_point;
    is("directory: with everything", create_file(image, u"all", &metadata), S_OK);
}

void test_metadata(void) {
    fresh("metadata");
    image = begin(NULL, u"metadata.cim");
    sizes();
    descriptors();
    attributes();
    reparse_points();
    too_long();
    on_directories();
    finish(image);
}
