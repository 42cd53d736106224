/* CimCreateHardLink. */
#include "harness.h"

static CIMFS_IMAGE_HANDLE image;

static HRESULT link_to(PCWSTR created, PCWSTR existing) { return CimCreateHardLink(image, created, existing); }

static void good(void) {
    is("link: beside the file", link_to(u"g", u"f"), S_OK);
    is("link: in a directory, leading backslashes", link_to(u"\\d\\g", u"\\f"), S_OK);
    is("link: of a link", link_to(u"d\\h", u"d\\g"), S_OK);
    is("link: over a file", link_to(u"other", u"f"), S_OK);
    is("link: over itself", link_to(u"f", u"f"), S_OK);
    is("link: over another of its names", link_to(u"g", u"f"), S_OK);
    is("link: over itself in other case", link_to(u"G", u"f"), S_OK);
}

static void refused(void) {
    is("link: existing absent", link_to(u"x", u"none"), PATH_NOT_FOUND);
    is("link: existing absent, below a file", link_to(u"x", u"f\\none"), PATH_NOT_FOUND);
    is("link: existing is a directory", link_to(u"x", u"d"), E_ACCESSDENIED);
    is("link: existing is the root", link_to(u"x", u""), E_ACCESSDENIED);
    is("link: existing is a stream", link_to(u"x", u"f:s"), E_INVALIDARG);
    is("link: existing is a stream with its type", link_to(u"x", u"f:s:$DATA"), E_INVALIDARG);
    is("link: new is a stream", link_to(u"x:s", u"f"), E_INVALIDARG);
    is("link: new is a directory", link_to(u"d", u"f"), E_ACCESSDENIED);
    is("link: new is the root", link_to(u"", u"f"), E_INVALIDARG);
    is("link: parent of new absent", link_to(u"none\\x", u"f"), PATH_NOT_FOUND);
    is("link: parent of new is a file", link_to(u"f\\x", u"f"), PATH_NOT_FOUND);
    is("link: new malformed", link_to(u"a?b", u"f"), E_INVALIDARG);
    is("link: existing malformed", link_to(u"x", u"d\\\\f"), E_INVALIDARG);
    is("link: no image", CimCreateHardLink(NULL, u"x", u"f"), E_INVALIDARG);
    is("link: no new path", link_to(NULL, u"f"), E_INVALIDARG);
    is("link: no existing path", link_to(u"x", NULL), E_INVALIDARG);
    is("link: nothing came of these", CimDeletePath(image, u"x"), PATH_NOT_FOUND);
}

void test_links(void) {
    CIMFS_STAT_BASIC_INFORMATION one, two;
    fresh("links");
    image = begin(NULL, u"links.cim");
    mkdirs(image, u"d");
    put(image, u"f", "data");
    put_stream(image, u"f:s", "side");
    put(image, u"other", "replaced");
    good();
    refused();
    finish(image);
    says("link: reads", "links.cim", u"d\\h", "data");
    says("link: has the streams", "links.cim", u"d\\h:s", "side");
    says("link: replaced a file", "links.cim", u"other", "data");
    must("look", CimGetFileStatBasicInformation(wide_path("links.cim"), u"f", &one) == S_OK);
    must("look", CimGetFileStatBasicInformation(wide_path("links.cim"), u"d\\h", &two) == S_OK);
    is("link: names of the file", one.NumberOfLinks, 5);
    is("link: the same file", one.FileId, two.FileId);
}
