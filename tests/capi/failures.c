/* What a full disk does. */
#define _GNU_SOURCE
#include "harness.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

static struct {
    HRESULT write, again, create, link, commit, room;
    int left;
} seen;

/* Fills a small disk by one file; answers whether there was a small disk. */
static HRESULT fill_disk(void) {
    static char bytes[1 << 20];
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return 1;
    if (mount("small", path_of("."), "tmpfs", 0, "size=512k") != 0)
        return 1;
    CIMFS_FILE_METADATA metadata = file_of(0);
    CIMFS_IMAGE_HANDLE image = begin(NULL, u"a.cim");
    put(image, u"f", "fits");
    CIMFS_STREAM_HANDLE stream = open_file(image, u"large", sizeof bytes);
    memset(bytes, 'x', sizeof bytes);
    seen.write = CimWriteStream(stream, bytes, sizeof bytes);
    seen.again = CimWriteStream(stream, bytes, 1);
    CimCloseStream(stream);
    seen.create = create_file(image, u"g", &metadata);
    seen.link = CimCreateHardLink(image, u"g", u"f");
    seen.commit = CimCommitImage(image);
    seen.left = count_files();
    CimCloseImage(image);
    simple_image(u"a.cim", "room");
    const char *says_now = cat("a.cim", u"f");
    seen.room = says_now != NULL && strcmp(says_now, "room") == 0 ? S_OK : 1;
    const HRESULT all[] = {seen.write, seen.again, seen.create, seen.link, seen.commit};
    for (size_t i = 0; i < COUNT(all); i++)
        if (all[i] != DISK_FULL)
            return all[i] == S_OK ? 2 : all[i];
    return seen.room != S_OK ? 3 : seen.left != 0 ? 4 : DISK_FULL;
}

/* Commits where the disk fills up only at the end. */
static HRESULT fill_at_commit(void) {
    static char bytes[200 << 10];
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return 1;
    if (mount("small", path_of("."), "tmpfs", 0, "size=256k") != 0)
        return 1;
    CIMFS_IMAGE_HANDLE image = begin(NULL, u"a.cim");
    CIMFS_STREAM_HANDLE stream = open_file(image, u"large", sizeof bytes);
    memset(bytes, 'x', sizeof bytes);
    HRESULT result = CimWriteStream(stream, bytes, sizeof bytes);
    CimCloseStream(stream);
    if (result != S_OK)
        return result == DISK_FULL ? 2 : result;
    result = CimCommitImage(image);
    HRESULT again = CimCommitImage(image);
    CimCloseImage(image);
    return count_files() != 0 ? 3 : again != E_INVALIDARG ? 4 : result;
}

void test_failures(void) {
    static const char full[] = "disk full: every call says so, nothing is committed or left, and there is room again";
    static const char late[] = "disk full at commit: nothing is visible or left";
    fresh("full");
    HRESULT result = in_child(fill_disk, false);
    if (result == 1)
        skip(full, "no right to mount a small disk");
    else
        is(full, result, DISK_FULL);
    result = in_child(fill_at_commit, false);
    if (result == 1)
        skip(late, "no right to mount a small disk");
    else
        is(late, result, DISK_FULL);
}
