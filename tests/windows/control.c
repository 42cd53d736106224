/* Sends the service of the first word the control code of the second. */

#include <stdlib.h>
#include <windows.h>

int main(int count, char **words)
{
    SERVICE_STATUS status;
    SC_HANDLE manager, service;

    if (count != 3)
        return 2;
    manager = OpenSCManagerA(NULL, NULL, SC_MANAGER_CONNECT);
    service = OpenServiceA(manager, words[1], SERVICE_ALL_ACCESS);
    return service && ControlService(service, atoi(words[2]), &status) ? 0 : 1;
}
