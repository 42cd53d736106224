/* CimCreateImage and CimCreateImage2. */
#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static HRESULT create(PCWSTR directory, PCWSTR existing, PCWSTR created) {
    CIMFS_IMAGE_HANDLE image = (CIMFS_IMAGE_HANDLE)&image;
    HRESULT result = CimCreateImage(directory, existing, created, &image);
    if (result == S_OK)
        CimCloseImage(image);
    else if (image != NULL)
        return 0x7FFFFFFF; /* the handle must be cleared */
    return result;
}

static HRESULT create_here(void) { return create(here(), NULL, u"new.cim"); }

static void arguments(void) {
    static WCHAR endless[40000];
    CIMFS_IMAGE_HANDLE image;
    for (size_t i = 0; i + 1 < COUNT(endless); i++)
        endless[i] = 'a';
    is("create: neither name", create(here(), NULL, NULL), E_INVALIDARG);
    is("create: no directory given", create(NULL, NULL, u"a.cim"), E_INVALIDARG);
    is("create: an empty directory name", create(u"", NULL, u"a.cim"), E_INVALIDARG);
    is("create: no place for the handle", CimCreateImage(here(), NULL, u"a.cim", NULL), E_INVALIDARG);
    is("create2: no place for the handle", CimCreateImage2(here(), 0, NULL, u"a.cim", NULL), E_INVALIDARG);
    is("create: an endless directory name", create(endless, NULL, u"a.cim"), E_INVALIDARG);
    is("create: an endless image name", create(here(), NULL, endless), E_INVALIDARG);
    is("create: an empty new name", create(here(), NULL, u""), E_INVALIDARG);
    is("create: an empty existing name", create(here(), u"", NULL), E_INVALIDARG);
    is("create: a path as name", create(here(), NULL, u"a/b.cim"), E_INVALIDARG);
    is("create: a backslash in the name", create(here(), NULL, u"a\\b.cim"), E_INVALIDARG);
    is("create: dots as name", create(here(), NULL, u".."), E_INVALIDARG);
    WCHAR lone[] = {0xD800, 0};
    is("create: half a character as name", create(here(), NULL, lone), E_INVALIDARG);
    is("create: the directory is missing", create(wide_path("none"), NULL, u"a.cim"), PATH_NOT_FOUND);
    is("create: missing directory, existing given", create(wide_path("none"), u"a.cim", NULL), PATH_NOT_FOUND);
    write_file("file", "x", 1);
    is("create: the directory is a file", create(wide_path("file"), NULL, u"a.cim"), PATH_NOT_FOUND);
    is("create: nothing was left behind", count_files(), 1);
    must("a good one begins", CimCreateImage(here(), NULL, u"a.cim", &image) == S_OK);
    CimCloseImage(image);
}

static void rights(void) {
    fresh("locked");
    must("take the right away", chmod(path_of("."), 0555) == 0);
    is("create: the directory is not writable", in_child(create_here, true), E_ACCESSDENIED);
}

static void names(void) {
    fresh("names");
    simple_image(u"a.cim", "a");
    simple_image(u"b.cim", "b");
    is("create: existing is absent", create(here(), u"none.cim", NULL), FILE_NOT_FOUND);
    is("create: existing is absent, fork", create(here(), u"none.cim", u"c.cim"), FILE_NOT_FOUND);
    is("create: existing is absent, same name", create(here(), u"none.cim", u"none.cim"), FILE_NOT_FOUND);
    is("create: new exists", create(here(), NULL, u"a.cim"), FILE_EXISTS);
    is("create: fork over another image", create(here(), u"a.cim", u"b.cim"), FILE_EXISTS);
    is("create: from scratch", create(here(), NULL, u"c.cim"), S_OK);
    is("create: existing alone", create(here(), u"a.cim", NULL), S_OK);
    is("create: both the same", create(here(), u"a.cim", u"a.cim"), S_OK);
    is("create: fork", create(here(), u"a.cim", u"c.cim"), S_OK);
}

static void meanings(void) {
    CIMFS_IMAGE_HANDLE image = begin(u"a.cim", NULL);
    put(image, u"g", "more");
    says("extend: not seen before the commit", "a.cim", u"g", NULL);
    finish(image);
    says("extend: what was there stays", "a.cim", u"f", "a");
    says("extend: what was added is there", "a.cim", u"g", "more");
    image = begin(u"a.cim", u"a.cim");
    is("extend by both names: delete", CimDeletePath(image, u"g"), S_OK);
    finish(image);
    says("extend by both names: replaced", "a.cim", u"g", NULL);
    image = begin(u"a.cim", u"fork.cim");
    put(image, u"f", "changed");
    finish(image);
    says("fork: the parent stays", "a.cim", u"f", "a");
    says("fork: has the change", "fork.cim", u"f", "changed");
}

static void second_writer(void) {
    fresh("second");
    CIMFS_IMAGE_HANDLE image = begin(NULL, u"a.cim");
    is("create: a second writer", create_here(), SHARING_VIOLATION);
    is("create: a second writer in another process", in_child(create_here, false), SHARING_VIOLATION);
    must("commit", CimCommitImage(image) == S_OK);
    CimCloseImage(image);
    is("create: after the first is closed", create_here(), S_OK);
    is("create: the same in another process", in_child(create_here, false), S_OK);
}

static void flags(void) {
    static const uint32_t refused[] = {2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x80000000u, 1 | 2, 1 | 0x40};
    char what[64];
    fresh("flags");
    for (uint32_t flag = 0; flag <= 1; flag++) {
        CIMFS_IMAGE_HANDLE image = NULL;
        snprintf(what, sizeof what, "create2: flags %#x", (unsigned)flag);
        is(what, CimCreateImage2(here(), (CIM_CREATE_IMAGE_FLAGS)flag, NULL, u"a.cim", &image), S_OK);
        CimCloseImage(image);
    }
    for (size_t i = 0; i < COUNT(refused); i++) {
        CIMFS_IMAGE_HANDLE image = NULL;
        snprintf(what, sizeof what, "create2: flags %#x", (unsigned)refused[i]);
        CIM_CREATE_IMAGE_FLAGS flag = (CIM_CREATE_IMAGE_FLAGS)refused[i];
        is(what, CimCreateImage2(here(), flag, NULL, u"a.cim", &image), NOT_SUPPORTED);
    }
    is("create2: neither name", CimCreateImage2(here(), 0, NULL, NULL, &(CIMFS_IMAGE_HANDLE){0}), E_INVALIDARG);
}

static void bad_images(void) {
    unsigned char header[72] = "cimfile0";
    fresh("bad");
    write_file("empty.cim", "", 0);
    is("create: existing is empty", create(here(), u"empty.cim", NULL), FILE_CORRUPT);
    write_file("text.cim", "this is not an image, however long the text may be that stands in its place here", 72);
    is("create: existing is no image", create(here(), u"text.cim", NULL), FILE_CORRUPT);
    header[8] = 72;
    header[16] = 3;
    write_file("three.cim", header, sizeof header);
    is("create: existing has version 3", create(here(), u"three.cim", u"x.cim"), NOT_SUPPORTED);
    header[16] = 4;
    write_file("four.cim", header, sizeof header);
    is("create: existing has version 4", create(here(), u"four.cim", u"x.cim"), NOT_SUPPORTED);
}

void test_create(void) {
    fresh("create");
    arguments();
    rights();
    names();
    meanings();
    second_writer();
    flags();
    bad_images();
}
