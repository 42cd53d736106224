/* Stands in for the libraries of a host of containers. Each call is a line of `calls.txt` beside the library; a function
 * fails if `fails.txt` has its name and an error code, and that of a disk makes an empty file. */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* Another declaration than that of the headers, which imports the function. */
#define CreateVirtualDisk DeclaredCreateVirtualDisk
#include <windows.h>
#include <virtdisk.h>
#undef CreateVirtualDisk

#define EXPORT __declspec(dllexport)

/* CREATE_VIRTUAL_DISK_PARAMETERS of version 2 as Microsoft describes it. The headers of mingw lack a field. */
struct parameters {
    int version, unused;
    GUID id;
    uint64_t size;
    uint32_t block, sector, physical_sector;
    const wchar_t *parent, *source;
    /* What follows says how parent and source are opened. */
};

struct driver {
    int flavour;
    const wchar_t *home;
};

static void beside(const char *name, char *path)
{
    HMODULE self;

    GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                       (const char *)&beside, &self);
    GetModuleFileNameA(self, path, MAX_PATH);
    strcpy(strrchr(path, '\\') + 1, name);
}

static int answer(const char *function)
{
    char path[MAX_PATH], name[64] = "";
    unsigned code = 0;
    FILE *fails;

    beside("fails.txt", path);
    fails = fopen(path, "r");
    if (!fails)
        return 0;
    if (fscanf(fails, "%63s %x", name, &code) != 2 || strcmp(name, function) != 0)
        code = 0;
    fclose(fails);
    return (int)code;
}

static int note(const char *function, const char *format, ...)
{
    char path[MAX_PATH];
    va_list arguments;
    FILE *calls;

    beside("calls.txt", path);
    calls = fopen(path, "a");
    fputs(function, calls);
    va_start(arguments, format);
    vfprintf(calls, format, arguments);
    va_end(arguments);
    fputc('\n', calls);
    fclose(calls);
    return answer(function);
}

static const char *guid(const GUID *id)
{
    static char text[40];

    sprintf(text, "%08lx-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", id->Data1, id->Data2, id->Data3,
            id->Data4[0], id->Data4[1], id->Data4[2], id->Data4[3], id->Data4[4], id->Data4[5], id->Data4[6],
            id->Data4[7]);
    return text;
}

EXPORT int WINAPI CreateVirtualDisk(VIRTUAL_STORAGE_TYPE *type, const wchar_t *path, int access, void *security, int flags,
                                    unsigned provider, struct parameters *wanted, void *overlapped,
                                    HANDLE *handle)
{
    int code = note("CreateVirtualDisk",
                    " type=%lu vendor=%s path=%ls access=%d security=%p flags=%d provider=%u version=%d"
                    " size=%llu block=%u sector=%u,%u parent=%ls source=%ls overlapped=%p",
                    type->DeviceId, guid(&type->VendorId), path, access, security, flags, provider,
                    wanted->version, (unsigned long long)wanted->size, wanted->block, wanted->sector,
                    wanted->physical_sector, wanted->parent ? wanted->parent : L"-",
                    wanted->source ? wanted->source : L"-", overlapped);

    if (code)
        return code;
    *handle = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, NULL, CREATE_NEW, 0, NULL);
    return *handle == INVALID_HANDLE_VALUE ? (int)GetLastError() : 0;
}

EXPORT int WINAPI HcsFormatWritableLayerVhd(HANDLE disk)
{
    wchar_t path[1024];

    GetFinalPathNameByHandleW(disk, path, 1024, 0);
    return note("HcsFormatWritableLayerVhd", " disk=%ls", path + 4);
}

EXPORT int WINAPI HcsGrantVmGroupAccess(const wchar_t *path)
{
    return note("HcsGrantVmGroupAccess", " path=%ls", path);
}

EXPORT int WINAPI ExpandSandboxSize(struct driver *driver, const wchar_t *id, uint64_t size)
{
    return note("ExpandSandboxSize", " flavour=%d home=%ls id=%ls size=%llu", driver->flavour, driver->home, id,
                (unsigned long long)size);
}

EXPORT int WINAPI GetLayerMountPath(struct driver *driver, const wchar_t *id, size_t *length, wchar_t *path)
{
    const wchar_t *volume = L"\\\\?\\Volume{1}\\";
    int code = note("GetLayerMountPath", " flavour=%d home=%ls id=%ls room=%d", driver->flavour, driver->home, id,
                    path != NULL);

    if (code)
        return code;
    if (path && *length > wcslen(volume))
        wcscpy(path, volume);
    *length = wcslen(volume) + 1;
    return 0;
}

EXPORT int WINAPI HcsDetachOverlayFilter(const wchar_t *volume, const wchar_t *data)
{
    return note("HcsDetachOverlayFilter", " volume=%ls data=%ls", volume, data);
}

EXPORT int WINAPI DeactivateLayer(struct driver *driver, const wchar_t *id)
{
    return note("DeactivateLayer", " flavour=%d home=%ls id=%ls", driver->flavour, driver->home, id);
}

EXPORT int WINAPI CimDismountImage(const GUID *volume)
{
    return note("CimDismountImage", " volume=%s", guid(volume));
}
