/* A library that does nothing and says that all is well, but for the function that the file beside it names, with the
 * result that it answers. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cimfs.h"

static HRESULT answer(const char *function)
{
    char path[4096], named[64];
    unsigned int result;
    Dl_info self;
    if (dladdr((void *)(uintptr_t)answer, &self) == 0 ||
        snprintf(path, sizeof path, "%s.says", self.dli_fname) >= (int)sizeof path)
        abort();
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%63s %x", named, &result) != 2)
        abort();
    fclose(file);
    return strcmp(named, function) == 0 ? (HRESULT)result : S_OK;
}

#if defined(LEAVES_FILES)
static void leave_file(PCWSTR directory)
{
    char path[4096];
    size_t i;
    for (i = 0; directory[i] != 0 && i + 16 < sizeof path; i++)
        path[i] = (char)directory[i];
    strcpy(path + i, "/left.data");
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs("data", file) < 0)
        abort();
    fclose(file);
}
#endif

HRESULT CimCreateImage(PCWSTR directory, PCWSTR existing, PCWSTR name, CIMFS_IMAGE_HANDLE *image)
{
#if defined(LEAVES_FILES)
    leave_file(directory);
#endif
    return answer(__func__);
}

HRESULT CimCommitImage(CIMFS_IMAGE_HANDLE image)
{
    return answer(__func__);
}

HRESULT CimCreateFile(CIMFS_IMAGE_HANDLE image, PCWSTR path, const CIMFS_FILE_METADATA *metadata,
                      CIMFS_STREAM_HANDLE *stream)
{
    return answer(__func__);
}

HRESULT CimCreateAlternateStream(CIMFS_IMAGE_HANDLE image, PCWSTR path, UINT64 size, CIMFS_STREAM_HANDLE *stream)
{
    return answer(__func__);
}

HRESULT CimWriteStream(CIMFS_STREAM_HANDLE stream, const void *buffer, UINT32 size)
{
    return answer(__func__);
}

HRESULT CimCreateHardLink(CIMFS_IMAGE_HANDLE image, PCWSTR name, PCWSTR existing)
{
    return answer(__func__);
}

HRESULT CimDeletePath(CIMFS_IMAGE_HANDLE image, PCWSTR path)
{
    return answer(__func__);
}

void CimCloseStream(CIMFS_STREAM_HANDLE stream)
{
}

void CimCloseImage(CIMFS_IMAGE_HANDLE image)
{
}
