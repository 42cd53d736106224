/* A library that writes images of a newer version, which nobody else can read: the one that lies at LIBRARY, with
 * the version changed when an image is committed and changed back while it is looked at. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cimfs.h"

static void *find(const char *name)
{
    static void *library;
    if (library == NULL)
        library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    return dlsym(library, name);
}

/* No version that is known. */
#define NEWER 4

#define REAL(name) ((__typeof__(&name))find(#name))

static char directory_of_writer[4096], image_of_writer[256];

static void narrow(char *to, size_t size, PCWSTR from)
{
    size_t i;
    for (i = 0; from != NULL && from[i] != 0 && i + 1 < size; i++)
        to[i] = (char)from[i];
    to[i] = 0;
}

/* The major version is a number of four bytes at 16. */
static void set_version(const char *path, char version)
{
    int file = open(path, O_WRONLY);
    if (file >= 0) {
        if (pwrite(file, &version, 1, 16) != 1)
            abort();
        close(file);
    }
}

static void join(char *to, size_t size, PCWSTR directory, PCWSTR name)
{
    char first[4096], second[256];
    narrow(first, sizeof first, directory);
    narrow(second, sizeof second, name);
    if (snprintf(to, size, "%s/%s", first, second) < 0)
        abort();
}

HRESULT CimCreateImage(PCWSTR directory, PCWSTR existing, PCWSTR name, CIMFS_IMAGE_HANDLE *image)
{
    char parent[8192];
    join(parent, sizeof parent, directory, existing);
    narrow(directory_of_writer, sizeof directory_of_writer, directory);
    narrow(image_of_writer, sizeof image_of_writer, name);
    set_version(parent, 2);
    HRESULT result = REAL(CimCreateImage)(directory, existing, name, image);
    set_version(parent, NEWER);
    return result;
}

HRESULT CimCommitImage(CIMFS_IMAGE_HANDLE image)
{
    char path[8192];
    HRESULT result = REAL(CimCommitImage)(image);
    if (snprintf(path, sizeof path, "%s/%s", directory_of_writer, image_of_writer) < 0)
        abort();
    set_version(path, NEWER);
    return result;
}

HRESULT CimReadFile(PCWSTR image, PCWSTR file, UINT64 offset, void *buffer, UINT64 size, UINT64 *read, UINT64 *left)
{
    char path[4096];
    narrow(path, sizeof path, image);
    set_version(path, 2);
    HRESULT result = REAL(CimReadFile)(image, file, offset, buffer, size, read, left);
    set_version(path, NEWER);
    return result;
}

#if !defined(CANNOT_READ)
HRESULT CimGetFileStatBasicInformation(PCWSTR image, PCWSTR file, CIMFS_STAT_BASIC_INFORMATION *information)
{
    char path[4096];
    narrow(path, sizeof path, image);
    set_version(path, 2);
    HRESULT result = REAL(CimGetFileStatBasicInformation)(image, file, information);
    set_version(path, NEWER);
    return result;
}
#endif

HRESULT CimCreateFile(CIMFS_IMAGE_HANDLE i, PCWSTR p, const CIMFS_FILE_METADATA *m, CIMFS_STREAM_HANDLE *s)
{
    return REAL(CimCreateFile)(i, p, m, s);
}

HRESULT CimWriteStream(CIMFS_STREAM_HANDLE s, const void *b, UINT32 n)
{
    return REAL(CimWriteStream)(s, b, n);
}

HRESULT CimCreateHardLink(CIMFS_IMAGE_HANDLE i, PCWSTR n, PCWSTR e)
{
    return REAL(CimCreateHardLink)(i, n, e);
}

HRESULT CimDeletePath(CIMFS_IMAGE_HANDLE i, PCWSTR p)
{
    return REAL(CimDeletePath)(i, p);
}

void CimCloseStream(CIMFS_STREAM_HANDLE s)
{
    REAL(CimCloseStream)(s);
}

void CimCloseImage(CIMFS_IMAGE_HANDLE i)
{
    REAL(CimCloseImage)(i);
}
