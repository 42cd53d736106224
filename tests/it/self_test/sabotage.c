/* Our library, with one thing that it does wrong. The file beside this one names our library, and what is wrong. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cimfs.h"

#define DIRECTORY 0x10u
#define HIDDEN 0x2u

static char real_path[4096], sabotage[64];
static void *real;

__attribute__((constructor)) static void load(void)
{
    char path[4096];
    Dl_info self;
    if (dladdr((void *)(uintptr_t)load, &self) == 0 ||
        snprintf(path, sizeof path, "%s.says", self.dli_fname) >= (int)sizeof path)
        abort();
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%4095[^\n]\n%63[^\n]", real_path, sabotage) != 2)
        abort();
    fclose(file);
    real = dlopen(real_path, RTLD_NOW | RTLD_LOCAL);
    if (real == NULL)
        abort();
}

static bool is(const char *what)
{
    return strcmp(sabotage, what) == 0;
}

#define REAL(name) ((__typeof__(&name))(uintptr_t)dlsym(real, #name))

HRESULT CimCreateImage(PCWSTR directory, PCWSTR existing, PCWSTR name, CIMFS_IMAGE_HANDLE *image)
{
    return REAL(CimCreateImage)(directory, existing, name, image);
}

HRESULT CimCommitImage(CIMFS_IMAGE_HANDLE image)
{
    return is("commit") ? (HRESULT)0x80070070u : REAL(CimCommitImage)(image);
}

void CimCloseImage(CIMFS_IMAGE_HANDLE image)
{
    REAL(CimCloseImage)(image);
}

HRESULT CimCreateFile(CIMFS_IMAGE_HANDLE image, PCWSTR path, const CIMFS_FILE_METADATA *given,
                      CIMFS_STREAM_HANDLE *stream)
{
    CIMFS_FILE_METADATA metadata = *given;
    bool file = !(metadata.Attributes & DIRECTORY);
    if (is("attributes") && file)
        metadata.Attributes ^= HIDDEN;
    if (is("times"))
        metadata.ChangeTime.QuadPart += 1;
    if (is("security"))
        metadata.SecurityDescriptorSize = 0;
    if (is("eas"))
        metadata.EaBufferSize = 0;
    unsigned char reparse[16384];
    if (is("reparse") && metadata.ReparseDataSize > 0) {
        memcpy(reparse, metadata.ReparseDataBuffer, metadata.ReparseDataSize);
        reparse[metadata.ReparseDataSize - 4] ^= 1;
        metadata.ReparseDataBuffer = reparse;
    }
    return REAL(CimCreateFile)(image, path, &metadata, stream);
}

HRESULT CimCreateAlternateStream(CIMFS_IMAGE_HANDLE image, PCWSTR path, UINT64 size, CIMFS_STREAM_HANDLE *stream)
{
    if (is("streams") && size == 0) {
        *stream = NULL;
        return S_OK;
    }
    return REAL(CimCreateAlternateStream)(image, path, size, stream);
}

HRESULT CimWriteStream(CIMFS_STREAM_HANDLE stream, const void *buffer, UINT32 size)
{
    unsigned char *bytes = malloc(size + 1);
    memcpy(bytes, buffer, size);
    if (is("data") && size > 1000)
        bytes[999] ^= 1;
    if (is("end of data") && size > 0)
        bytes[size - 1] ^= 0x80;
    HRESULT result = REAL(CimWriteStream)(stream, bytes, size);
    free(bytes);
    return result;
}

void CimCloseStream(CIMFS_STREAM_HANDLE stream)
{
    REAL(CimCloseStream)(stream);
}

HRESULT CimCreateHardLink(CIMFS_IMAGE_HANDLE image, PCWSTR path, PCWSTR existing)
{
    return is("links") ? S_OK : REAL(CimCreateHardLink)(image, path, existing);
}

HRESULT CimDeletePath(CIMFS_IMAGE_HANDLE image, PCWSTR path)
{
    return is("deletions") ? S_OK : REAL(CimDeletePath)(image, path);
}

HRESULT CimLookupFile(CIMFS_IMAGE_HANDLE image, PCWSTR path, BOOLEAN *exists)
{
    HRESULT result = REAL(CimLookupFile)(image, path, exists);
    *exists |= is("lookup");
    return result;
}

HRESULT CimReadFile(PCWSTR image, PCWSTR path, UINT64 offset, void *buffer, UINT64 size, UINT64 *count, UINT64 *left)
{
    HRESULT result = REAL(CimReadFile)(image, path, offset, buffer, size, count, left);
    if (is("read") && *count > 5000)
        ((unsigned char *)buffer)[4999] ^= 1;
    return result;
}

HRESULT CimGetFileStatBasicInformation(PCWSTR image, PCWSTR path, CIMFS_STAT_BASIC_INFORMATION *information)
{
    HRESULT result = REAL(CimGetFileStatBasicInformation)(image, path, information);
    information->NumberOfLinks += is("stat");
    return result;
}

HRESULT CimMountImage(PCWSTR directory, PCWSTR name, CIM_MOUNT_IMAGE_FLAGS flags, const GUID *volume)
{
    if (is("mount refused"))
        return (HRESULT)0x80070005u;
    if (is("mount nothing"))
        return S_OK;
    if (is("mount another"))
        name = u"base.cim";
    HRESULT result = REAL(CimMountImage)(directory, name, flags, volume);
    if (is("interrupt"))
        kill(getpid(), SIGINT);
    return result;
}

HRESULT CimDismountImage(const GUID *volume)
{
    return REAL(CimDismountImage)(volume);
}
