/* The image that the Rust side of the test reads: `result/result.cim`. */
#include "harness.h"

static const unsigned char security[] = {
    1, 0, 0x00, 0x80, 20, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
};
static const unsigned char eas[] = {0, 0, 0, 0, 0, 1, 1, 0, 'A', 0, '1'};
static const unsigned char mount_point[] = {
    3, 0, 0, 0xA0, 12, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
};

void test_result(void) {
    fresh("result");
    CIMFS_IMAGE_HANDLE image = begin(NULL, u"parent.cim");
    mkdirs(image, u"dir");
    put(image, u"dir\\gone", "gone");
    put(image, u"dir\\kept", "kept");
    finish(image);
    image = begin(u"parent.cim", u"result.cim");
    CIMFS_FILE_METADATA metadata = file_of(6);
    metadata.Attributes = ATTRIBUTE_READONLY;
    metadata.SecurityDescriptorBuffer = security;
    metadata.SecurityDescriptorSize = sizeof security;
    metadata.EaBuffer = eas;
    metadata.EaBufferSize = sizeof eas;
    metadata.ReparseDataBuffer = mount_point;
    metadata.ReparseDataSize = sizeof mount_point;
    CIMFS_STREAM_HANDLE stream = NULL;
    is("result: create", CimCreateFile(image, u"dir\\all", &metadata, &stream), S_OK);
    is("result: write", CimWriteStream(stream, "data", 4), S_OK);
    CimCloseStream(stream);
    put_stream(image, u"dir\\all:side", "side");
    is("result: link", CimCreateHardLink(image, u"link", u"dir\\all"), S_OK);
    is("result: delete", CimDeletePath(image, u"dir\\gone"), S_OK);
    is("result: commit", CimCommitImage(image), S_OK);
    CimCloseImage(image);
}
