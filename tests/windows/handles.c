/* Prints how many handles the process has that serves the pipe of the first word. */

#include <stdio.h>
#include <windows.h>
#include <winternl.h>

/* What there is of SYSTEM_PROCESS_INFORMATION in some headers differs. */
struct process {
    ULONG next, threads;
    BYTE times[48];
    UNICODE_STRING name;
    LONG priority;
    HANDLE id, parent;
    ULONG handles;
};

static BYTE table[1 << 20];

int main(int count, char **words)
{
    struct process *process = (struct process *)table;
    HANDLE pipe;
    ULONG id;

    if (count != 2)
        return 2;
    pipe = CreateFileA(words[1], GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (pipe == INVALID_HANDLE_VALUE || !GetNamedPipeServerProcessId(pipe, &id))
        return 1;
    if (NtQuerySystemInformation(SystemProcessInformation, table, sizeof(table), NULL))
        return 1;
    while ((ULONG)(ULONG_PTR)process->id != id && process->next)
        process = (struct process *)((BYTE *)process + process->next);
    printf("%lu\n", process->handles);
    return (ULONG)(ULONG_PTR)process->id == id ? 0 : 1;
}
