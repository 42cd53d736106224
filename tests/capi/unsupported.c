/* Functions that are exported and not supported: they touch nothing, whatever they are given. */
#include "harness.h"

#include <string.h>

static bool touched(const unsigned char *bytes, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0xA5)
            return true;
    return false;
}

void test_unsupported(void) {
    const GUID volume = {1, 2, 3, {4}};
    unsigned char hash[32];
    UINT32 sealed = 0xA5A5A5A5u;
    UINT64 sizes[3];
    memset(hash, 0xA5, sizeof hash);
    memset(sizes, 0xA5, sizeof sizes);
    fresh("unsupported");
    simple_image(u"a.cim", "a");
    CIMFS_IMAGE_HANDLE image = begin(u"a.cim", u"b.cim");
    int files = count_files();
    CIMFS_IMAGE_PATH paths[2] = {{here(), u"a.cim"}, {here(), u"a.cim"}};
    PCWSTR path = wide_path("a.cim");
    is("unsupported: add", CimAddFsToMergedImage(image, u"a.cim"), NOT_SUPPORTED);
    is("unsupported: add2", CimAddFsToMergedImage2(image, u"a.cim", 1), NOT_SUPPORTED);
    is("unsupported: merged file", CimCreateMergedFile(image, u"f", NULL, NULL, 0), NOT_SUPPORTED);
    is("unsupported: merge link", CimCreateMergeLink(image, u"g", u"f"), NOT_SUPPORTED);
    is("unsupported: tombstone", CimTombstoneFile(image, u"f"), NOT_SUPPORTED);
    is("unsupported: merge mount", CimMergeMountImage(2, paths, 0, &volume), NOT_SUPPORTED);
    is("unsupported: seal", CimSealImage(path, &sizes[0], &sizes[1], hash), NOT_SUPPORTED);
    is("unsupported: verification",
       CimGetVerificationInformation(path, &sealed, &sizes[0], &sizes[1], &sizes[2], hash, hash), NOT_SUPPORTED);
    is("unsupported: verified mount", CimMountVerifiedImage(here(), u"a.cim", 0, &volume, 32, hash), NOT_SUPPORTED);
    is("unsupported: verified merge mount", CimMergeMountVerifiedImage(2, paths, 0, &volume, 32, hash), NOT_SUPPORTED);
    is("unsupported: convert", CimConvertBlockImage(here(), u"a.cim", here()), NOT_SUPPORTED);
    ok("unsupported: no result was written", !touched(hash, sizeof hash) && sealed == 0xA5A5A5A5u &&
                                                 !touched((const unsigned char *)sizes, sizeof sizes));
    is("unsupported: null arguments", CimSealImage(NULL, NULL, NULL, NULL), NOT_SUPPORTED);
    is("unsupported: a null image", CimAddFsToMergedImage(NULL, NULL), NOT_SUPPORTED);
    is("unsupported: no file was made or removed", count_files(), files);
    finish(image);
    says("unsupported: the image is what it would have been", "b.cim", u"f", "a");
}
