/* CimCommitImage and CimCloseImage. */
#include "harness.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

/* What any operation answers on a handle that takes none. */
static void dead(CIMFS_IMAGE_HANDLE image, const char *const what[]) {
    CIMFS_FILE_METADATA metadata = file_of(0);
    is(what[0], create_file(image, u"x", &metadata), E_INVALIDARG);
    is(what[1], create_stream(image, u"f:s", 0), E_INVALIDARG);
    is(what[2], CimCreateHardLink(image, u"x", u"f"), E_INVALIDARG);
    is(what[3], CimDeletePath(image, u"f"), E_INVALIDARG);
    is(what[4], CimCommitImage(image), E_INVALIDARG);
}

static void life(void) {
    static const char *const committed[] = {
        "committed: create a file", "committed: create a stream", "committed: link", "committed: delete",
        "committed: commit again",
    };
    static const char *const closed[] = {
        "closed: create a file", "closed: create a stream", "closed: link", "closed: delete", "closed: commit",
    };
    CIMFS_IMAGE_HANDLE image = begin(NULL, u"a.cim");
    put(image, u"f", "f");
    says("commit: nothing is seen before", "a.cim", u"f", NULL);
    is("commit", CimCommitImage(image), S_OK);
    says("commit: all is seen after", "a.cim", u"f", "f");
    dead(image, committed);
    CimCloseImage(image);
    dead(image, closed);
    CimCloseImage(image);
    ok("close: twice does no harm", true);
    image = begin(NULL, u"empty.cim");
    is("commit: an empty image", CimCommitImage(image), S_OK);
    CimCloseImage(image);
    is("commit: no image", CimCommitImage(NULL), E_INVALIDARG);
    CimCloseImage(NULL);
    CimCloseStream(NULL);
    ok("close: nothing does no harm", true);
}

static void with_open_stream(void) {
    CIMFS_IMAGE_HANDLE image = begin(NULL, u"b.cim");
    CIMFS_STREAM_HANDLE stream = open_file(image, u"f", 2);
    is("commit: a stream is open", CimCommitImage(image), SHARING_VIOLATION);
    must("write", CimWriteStream(stream, "ok", 2) == S_OK);
    CimCloseStream(stream);
    is("commit: the stream is closed", CimCommitImage(image), S_OK);
    CimCloseImage(image);
    says("commit: what the stream wrote is there", "b.cim", u"f", "ok");
}

static void dropped(void) {
    fresh("dropped");
    CIMFS_IMAGE_HANDLE image = begin(NULL, u"a.cim");
    put(image, u"f", "f");
    CimCloseImage(image);
    is("close: drops what was not committed", count_files(), 0);
    image = begin(NULL, u"a.cim");
    CIMFS_STREAM_HANDLE stream = open_file(image, u"f", 5000);
    must("write", CimWriteStream(stream, "ok", 2) == S_OK);
    CimCloseImage(image);
    is("close: drops an open stream", count_files(), 0);
    is("close: its handle is stale", CimWriteStream(stream, "x", 1), E_INVALIDARG);
    CimCloseStream(stream);
    ok("close: closing it does no harm", true);
    simple_image(u"a.cim", "a");
    int before = count_files();
    image = begin(u"a.cim", NULL);
    is("close: delete, not committed", CimDeletePath(image, u"f"), S_OK);
    CimCloseImage(image);
    is("close: an extension leaves nothing", count_files(), before);
    says("close: the image is as it was", "a.cim", u"f", "a");
}

/* What a mount does to an image, without a mount. */
static void held(void) {
    int file = open(path_of("a.cim"), O_RDONLY);
    must("hold the image", file >= 0 && flock(file, LOCK_SH) == 0);
    CIMFS_IMAGE_HANDLE image = begin(u"a.cim", NULL);
    put(image, u"f", "changed");
    is("commit: the image is held", CimCommitImage(image), SHARING_VIOLATION);
    says("commit: the held image is as it was", "a.cim", u"f", "a");
    close(file);
    is("commit: the image is free", CimCommitImage(image), S_OK);
    CimCloseImage(image);
    says("commit: the image is replaced", "a.cim", u"f", "changed");
}

void test_commit(void) {
    fresh("commit");
    life();
    with_open_stream();
    dropped();
    held();
}
