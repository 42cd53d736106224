/* Connects to the pipe of the first word, says so, and stays until nobody writes to it any more. */

#include <stdio.h>
#include <windows.h>

int main(int count, char **words)
{
    HANDLE pipe;

    if (count != 2)
        return 2;
    pipe = CreateFileA(words[1], GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (pipe == INVALID_HANDLE_VALUE)
        return 1;
    puts("held");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}
