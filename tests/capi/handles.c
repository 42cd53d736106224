/* Handles that are stale, foreign, or of the other kind. */
#include "harness.h"

#include <stdio.h>

static void foreign(void *pointer, const char *kind) {
    char what[96];
    CIMFS_FILE_METADATA metadata = file_of(0);
    CIMFS_IMAGE_HANDLE image = pointer;
    CIMFS_STREAM_HANDLE stream = pointer;
    snprintf(what, sizeof what, "%s: create a file", kind);
    is(what, create_file(image, u"x", &metadata), E_INVALIDARG);
    snprintf(what, sizeof what, "%s: create a stream", kind);
    is(what, create_stream(image, u"f:x", 0), E_INVALIDARG);
    snprintf(what, sizeof what, "%s: link", kind);
    is(what, CimCreateHardLink(image, u"x", u"f"), E_INVALIDARG);
    snprintf(what, sizeof what, "%s: delete", kind);
    is(what, CimDeletePath(image, u"f"), E_INVALIDARG);
    snprintf(what, sizeof what, "%s: commit", kind);
    is(what, CimCommitImage(image), E_INVALIDARG);
    snprintf(what, sizeof what, "%s: write", kind);
    is(what, CimWriteStream(stream, "x", 1), E_INVALIDARG);
    CimCloseStream(stream);
    CimCloseImage(image);
}

void test_handles(void) {
    int local = 0;
    fresh("handles");
    fresh("handles/other");
    CIMFS_IMAGE_HANDLE old = begin(NULL, u"old.cim");
    CIMFS_STREAM_HANDLE old_stream = open_file(old, u"f", 1);
    CimCloseStream(old_stream);
    CimCloseImage(old);
    CIMFS_IMAGE_HANDLE image = begin(NULL, u"a.cim");
    CIMFS_STREAM_HANDLE stream = open_file(image, u"f", 1);
    ok("handles: none is used twice", old != image && old_stream != stream);
    foreign(NULL, "null");
    foreign(&local, "an address");
    foreign((void *)(intptr_t)-1, "minus one");
    foreign((void *)(uintptr_t)4, "a small number");
    foreign(old, "a closed image");
    foreign(old_stream, "a closed stream");
    is("handles: an image is no stream", CimWriteStream((CIMFS_STREAM_HANDLE)(void *)image, "x", 1), E_INVALIDARG);
    CimCloseStream((CIMFS_STREAM_HANDLE)(void *)image);
    is("handles: a stream is no image", CimCommitImage((CIMFS_IMAGE_HANDLE)(void *)stream), E_INVALIDARG);
    CimCloseImage((CIMFS_IMAGE_HANDLE)(void *)stream);
    is("handles: the good ones are still good", CimWriteStream(stream, "1", 1), S_OK);
    CimCloseStream(stream);
    is("handles: and can commit", CimCommitImage(image), S_OK);
    CimCloseImage(image);
    says("handles: what came of them", "a.cim", u"f", "1");
}
