/* CimMountImage and CimDismountImage. */
#include "harness.h"

#include <stdio.h>

static const GUID volume = {0x00112233, 0x4455, 0x6677, {0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF}};

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

void test_mount(void) {
    fresh("mount");
    simple_image(u"a.cim", "a");
    write_file("text.cim", "no image", 8);
    arguments();
}
