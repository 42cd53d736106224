/* Any thread may call. */
#include "harness.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

enum { THREADS = 4, FILES = 50 };

static CIMFS_IMAGE_HANDLE shared;

/* Adds files to one image; whoever finds another's stream open tries again. */
static void *add_files(void *argument) {
    const int thread = *(const int *)argument;
    for (int i = 0; i < FILES; i++) {
        WCHAR path[] = {'t', (WCHAR)('0' + thread), '-', (WCHAR)('0' + i / 10), (WCHAR)('0' + i % 10), 0};
        char data[2] = {(char)('0' + thread), (char)('0' + i % 10)};
        CIMFS_FILE_METADATA metadata = file_of(sizeof data);
        CIMFS_STREAM_HANDLE stream;
        HRESULT result;
        while ((result = CimCreateFile(shared, path, &metadata, &stream)) == SHARING_VIOLATION)
            sched_yield();
        if (result != S_OK || CimWriteStream(stream, data, sizeof data) != S_OK)
            return "a call failed";
        CimCloseStream(stream);
    }
    return NULL;
}

/* Closes the image while others write. */
static void *close_soon(void *argument) {
    (void)argument;
    sched_yield();
    CimCloseImage(shared);
    return NULL;
}

/* Writes until the handle is gone. */
static void *write_on(void *argument) {
    const int thread = *(const int *)argument;
    WCHAR path[] = {'t', (WCHAR)('0' + thread), 0};
    CIMFS_FILE_METADATA metadata = file_of(1);
    for (;;) {
        CIMFS_STREAM_HANDLE stream;
        HRESULT result = CimCreateFile(shared, path, &metadata, &stream);
        if (result == SHARING_VIOLATION)
            continue;
        if (result == E_INVALIDARG)
            return NULL;
        HRESULT written = CimWriteStream(stream, "x", 1);
        CimCloseStream(stream);
        if (result != S_OK || (written != S_OK && written != E_INVALIDARG))
            return "an odd answer";
    }
}

static bool run(void *(*act)(void *), void *(*first)(void *)) {
    pthread_t threads[THREADS];
    int numbers[THREADS];
    bool good = true;
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        must("a thread", pthread_create(&threads[i], NULL, i == 0 && first ? first : act, &numbers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *complaint = NULL;
        pthread_join(threads[i], &complaint);
        good = good && complaint == NULL;
    }
    return good;
}

void test_threads(void) {
    fresh("threads");
    shared = begin(NULL, u"a.cim");
    ok("threads: all files of all threads are taken", run(add_files, NULL));
    finish(shared);
    int right = 0;
    for (int thread = 0; thread < THREADS; thread++)
        for (int i = 0; i < FILES; i++) {
            char path[16];
            snprintf(path, sizeof path, "t%d-%02d", thread, i);
            const char *data = cat("a.cim", wide(path));
            right += data != NULL && data[0] == '0' + thread && data[1] == '0' + i % 10;
        }
    is("threads: each file says what it should", right, THREADS * FILES);
    shared = begin(NULL, u"b.cim");
    ok("threads: closing under others is safe", run(write_on, close_soon));
    says("threads: what was closed is not committed", "b.cim", u"t1", NULL);
}
