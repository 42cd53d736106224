/* Prints how many handles the process has that serves the pipe of the first word. */

#include <stdio.h>
#include <stdlib.h>
#include <windows.h>
#include <winternl.h>

/* The list of all handles, which the headers of mingw lack. */
#define SYSTEM_HANDLES ((SYSTEM_INFORMATION_CLASS)16)
#define ROOM (64 << 20)

struct handles {
    ULONG count;
    struct {
        ULONG owner;
        BYTE type, flags;
        USHORT value;
        void *object;
        ULONG access;
    } list[];
};

int main(int count, char **words)
{
    struct handles *all = malloc(ROOM);
    HANDLE pipe;
    ULONG id, i, found = 0;

    if (count != 2)
        return 2;
    pipe = CreateFileA(words[1], GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (pipe == INVALID_HANDLE_VALUE || !GetNamedPipeServerProcessId(pipe, &id))
        return 1;
    if (!all || NtQuerySystemInformation(SYSTEM_HANDLES, all, ROOM, NULL))
        return 1;
    for (i = 0; i < all->count; i++)
        found += all->list[i].owner == id;
    printf("%lu\n", found);
    return found ? 0 : 1;
}
