/* CimMountImage and CimDismountImage. */
#define _GNU_SOURCE
#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VOLUME "00112233-4455-6677-8899-aabbccddeeff"
#define OTHER "10112233-4455-6677-8899-aabbccddeeff"

static const GUID volume = {0x00112233, 0x4455, 0x6677, {0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF}};
static const GUID other = {0x10112233, 0x4455, 0x6677, {0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF}};

static HRESULT mounted(PCWSTR directory, PCWSTR name, uint32_t flags) {
    return CimMountImage(directory, name, (CIM_MOUNT_IMAGE_FLAGS)flags, &volume);
}

static void arguments(void) {
    static const uint32_t unknown[] = {0x40, 0x100, 0x80000000u, 0x41};
    static const uint32_t unsupported[] = {0x1, 0x10, 0x20, 0x80, 0x5};
    char what[64];
    is("mount: no directory given", mounted(NULL, u"a.cim", 0), E_INVALIDARG);
    is("mount: no name", mounted(here(), NULL, 0), E_INVALIDARG);
    is("mount: no volume", CimMountImage(here(), u"a.cim", CIM_MOUNT_IMAGE_NONE, NULL), E_INVALIDARG);
    is("mount: a path as name", mounted(here(), u"x/a.cim", 0), E_INVALIDARG);
    is("mount: directory absent", mounted(wide_path("none"), u"a.cim", 0), PATH_NOT_FOUND);
    is("mount: directory is a file", mounted(wide_path("text.cim"), u"a.cim", 0), PATH_NOT_FOUND);
    is("mount: image absent", mounted(here(), u"none.cim", 0), FILE_NOT_FOUND);
    is("mount: no image at all", mounted(here(), u"text.cim", 0), FILE_CORRUPT);
    for (size_t i = 0; i < COUNT(unknown); i++) {
        snprintf(what, sizeof what, "mount: unknown flags %#x", (unsigned)unknown[i]);
        is(what, mounted(here(), u"a.cim", unknown[i]), E_INVALIDARG);
    }
    for (size_t i = 0; i < COUNT(unsupported); i++) {
        snprintf(what, sizeof what, "mount: unsupported flags %#x", (unsigned)unsupported[i]);
        is(what, mounted(here(), u"a.cim", unsupported[i]), NOT_SUPPORTED);
    }
    is("dismount: no volume given", CimDismountImage(NULL), E_INVALIDARG);
    is("dismount: not mounted", CimDismountImage(&volume), FILE_NOT_FOUND);
}

/* Whether a file of a volume says a text. */
static bool shows(const char *guid, const char *text) {
    char path[2048], got[64] = "";
    snprintf(path, sizeof path, "%s/%s/f", getenv("CIMSNAP_VOLUMES"), guid);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    size_t len = fread(got, 1, sizeof got - 1, file);
    fclose(file);
    return len == strlen(text) && memcmp(got, text, len) == 0;
}

static HRESULT mount_here(void) { return mounted(here(), u"a.cim", 0); }

static HRESULT dismount_here(void) { return CimDismountImage(&volume); }

static HRESULT extend(void) {
    CIMFS_IMAGE_HANDLE image = begin(u"a.cim", NULL);
    put(image, u"f", "changed");
    HRESULT result = CimCommitImage(image);
    CimCloseImage(image);
    return result;
}

static void volumes(void) {
    const uint32_t hints = CIM_MOUNT_ENABLE_DAX | CIM_MOUNT_CACHE_FILES | CIM_MOUNT_CACHE_REGIONS;
    is("mount", mounted(here(), u"a.cim", 0), S_OK);
    ok("mount: the volume shows the image", shows(VOLUME, "a"));
    is("mount: the volume is in use", mounted(here(), u"a.cim", 0), ALREADY_EXISTS);
    is("mount: the volume is in use, another image", mounted(here(), u"b.cim", 0), ALREADY_EXISTS);
    is("mount: the volume is in use, another process", in_child(mount_here, false), ALREADY_EXISTS);
    is("mount: a mounted image is not replaced", extend(), SHARING_VIOLATION);
    ok("mount: and not changed", shows(VOLUME, "a"));
    CIMFS_IMAGE_HANDLE image = begin(u"a.cim", u"fork.cim");
    put(image, u"f", "fork");
    is("mount: a mounted image can be forked", CimCommitImage(image), S_OK);
    CimCloseImage(image);
    is("mount: another volume, all hints", CimMountImage(here(), u"fork.cim", (CIM_MOUNT_IMAGE_FLAGS)hints, &other), S_OK);
    ok("mount: it shows the fork", shows(OTHER, "fork"));
    is("dismount", CimDismountImage(&volume), S_OK);
    ok("dismount: the volume is gone", !shows(VOLUME, "a"));
    ok("dismount: the other one is not", shows(OTHER, "fork"));
    is("dismount: again", CimDismountImage(&volume), FILE_NOT_FOUND);
    is("dismount: the image can be replaced", extend(), S_OK);
    is("mount: again", mounted(here(), u"a.cim", 0), S_OK);
    ok("mount: the volume shows the change", shows(VOLUME, "changed"));
    is("dismount: by another process", in_child(dismount_here, false), S_OK);
    is("dismount: the other volume", CimDismountImage(&other), S_OK);
    is("mount: a volume that was used before", CimMountImage(here(), u"b.cim", CIM_MOUNT_IMAGE_NONE, &other), S_OK);
    ok("mount: it shows the other image", shows(OTHER, "b"));
    is("dismount: in the end", CimDismountImage(&other), S_OK);
}

static HRESULT without_program(void) {
    setenv("CIMSNAP_PROGRAM", "/none/such", 1);
    return mounted(here(), u"b.cim", 0);
}

static HRESULT hidden_image(void) { return mounted(here(), u"b.cim", 0); }

static void rights(void) {
    is("mount: no program to serve it", in_child(without_program, false), NOT_SUPPORTED);
    is("mount: no right to make a volume", in_child(mount_here, true), E_ACCESSDENIED);
    must("hide the image", chmod(path_of("b.cim"), 0) == 0);
    is("mount: no right to read the image", in_child(hidden_image, true), E_ACCESSDENIED);
    must("show the image", chmod(path_of("b.cim"), 0644) == 0);
    must("open the volumes", chmod(getenv("CIMSNAP_VOLUMES"), 0777) == 0);
    char lock[2048];
    snprintf(lock, sizeof lock, "%s/.lock", getenv("CIMSNAP_VOLUMES"));
    must("open the lock", chmod(lock, 0666) == 0);
    is("mount: no right to mount", in_child(hidden_image, true), E_ACCESSDENIED);
}

void test_mount(void) {
    fresh("mount");
    simple_image(u"a.cim", "a");
    simple_image(u"b.cim", "b");
    write_file("text.cim", "no image", 8);
    arguments();
    if (open("/dev/fuse", O_RDWR | O_CLOEXEC) < 0) {
        skip("mount: all rows with a volume", "no right to mount");
        return;
    }
    volumes();
    rights();
}
