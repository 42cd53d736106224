/*
 * Composite images (CIM) for programs in C: begin one, fill it, commit it, mount it, read it.
 *
 * The functions have the names, arguments and results of the library that Windows ships, so that a program which
 * is written for that one can be linked with this one, on any system. docs/capi.md holds the rules.
 *
 * Strings are UTF-16 and end with a zero unit. Handles may be used from any thread. Every function but the two
 * that close answers with an HRESULT: S_OK, or a negative number that says what is wrong.
 */
#ifndef CIMSNAP_CIMFS_H
#define CIMSNAP_CIMFS_H

#include <stdint.h>

#if defined(_WIN32)
#include <windows.h>
#define CIMFS_CALL __stdcall
#else
#define CIMFS_CALL
typedef uint16_t WCHAR;
typedef const WCHAR *PCWSTR;
typedef int32_t HRESULT;
typedef uint32_t UINT32;
typedef int64_t INT64;
typedef uint16_t UINT16;
typedef uint64_t UINT64;
typedef uint8_t BOOLEAN;
typedef union LARGE_INTEGER {
    int64_t QuadPart;
} LARGE_INTEGER;
typedef struct GUID {
    uint32_t Data1;
    uint16_t Data2;
    uint16_t Data3;
    uint8_t Data4[8];
} GUID;
#define S_OK ((HRESULT)0)
#define E_INVALIDARG ((HRESULT)0x80070057u)
#define E_ACCESSDENIED ((HRESULT)0x80070005u)
#endif

#if defined(__cplusplus)
extern "C" {
#endif

/* Never followed: a handle is only good for passing it back. */
typedef struct CIMFS_IMAGE *CIMFS_IMAGE_HANDLE;
typedef struct CIMFS_STREAM *CIMFS_STREAM_HANDLE;

/* How an image is written. Only the first flag is supported, and changes nothing. */
typedef enum CIM_CREATE_IMAGE_FLAGS {
    CIM_CREATE_IMAGE_NONE = 0,
    CIM_CREATE_DO_NOT_EXPAND_PE_IMAGES = 0x1,
    CIM_CREATE_FIXED_SIZE_CHUNKS = 0x2,
    CIM_CREATE_IMAGE_BLOCK_CIM = 0x4,
    CIM_CREATE_SINGLE_FILE_CIM = 0x8,
    CIM_CREATE_CONSISTENT_CIM = 0x10,
    CIM_CREATE_VERIFIED_CIM = 0x40
} CIM_CREATE_IMAGE_FLAGS;

/* How an image is mounted. The three about caches are hints; the others are not supported. */
typedef enum CIM_MOUNT_IMAGE_FLAGS {
    CIM_MOUNT_IMAGE_NONE = 0,
    CIM_MOUNT_CHILD_ONLY = 0x1,
    CIM_MOUNT_ENABLE_DAX = 0x2,
    CIM_MOUNT_CACHE_FILES = 0x4,
    CIM_MOUNT_CACHE_REGIONS = 0x8,
    CIM_MOUNT_BLOCK_CIM = 0x10,
    CIM_MOUNT_SINGLE_FILE_CIM = 0x20,
    CIM_MOUNT_VERIFIED_CIM = 0x80
} CIM_MOUNT_IMAGE_FLAGS;

/* Everything about a file but its name and data. Times count 100 ns from 1601-01-01 UTC. */
typedef struct _CIMFS_FILE_METADATA {
    UINT32 Attributes; /* FILE_ATTRIBUTE_...; the directory bit says what is made */
    INT64 FileSize;    /* not looked at for directories */
    LARGE_INTEGER CreationTime;
    LARGE_INTEGER LastWriteTime;
    LARGE_INTEGER ChangeTime;
    LARGE_INTEGER LastAccessTime;
    const void *SecurityDescriptorBuffer; /* self-relative */
    UINT32 SecurityDescriptorSize;
    const void *ReparseDataBuffer; /* the whole buffer, tag included */
    UINT32 ReparseDataSize;
    const void *EaBuffer; /* a list of FILE_FULL_EA_INFORMATION */
    UINT32 EaBufferSize;
} CIMFS_FILE_METADATA;

/* What Windows calls FILE_STAT_BASIC_INFORMATION. */
typedef struct CIMFS_STAT_BASIC_INFORMATION {
    INT64 FileId;
    INT64 CreationTime;
    INT64 LastAccessTime;
    INT64 LastWriteTime;
    INT64 ChangeTime;
    INT64 AllocationSize;
    INT64 EndOfFile;
    UINT32 FileAttributes;
    UINT32 ReparseTag;
    UINT32 NumberOfLinks;
    UINT32 DeviceType;
    UINT32 DeviceCharacteristics;
    UINT32 Reserved;
    INT64 VolumeSerialNumber;
    uint8_t FileId128[16];
} CIMFS_STAT_BASIC_INFORMATION;

/* Where one of several images lies. */
typedef struct CIMFS_IMAGE_PATH {
    PCWSTR imageContainingPath; /* a directory, a file or a device */
    PCWSTR imageName;
} CIMFS_IMAGE_PATH;

/* Begins an image. Only newImageName: from scratch. Only existingImageName, or both the same: a change of an
 * image. Both: a fork, which shares all data with the existing image. */
HRESULT CIMFS_CALL CimCreateImage(PCWSTR imageContainingPath, PCWSTR existingImageName, PCWSTR newImageName,
                                  CIMFS_IMAGE_HANDLE *cimImageHandle);
HRESULT CIMFS_CALL CimCreateImage2(PCWSTR imageContainingPath, CIM_CREATE_IMAGE_FLAGS createImageFlags,
                                   PCWSTR existingImageName, PCWSTR newImageName,
                                   CIMFS_IMAGE_HANDLE *cimImageHandle);

/* Makes a file or directory in place of whatever has the path, and opens its data. One stream of an image may be
 * open at a time; the file is there when it is closed. */
HRESULT CIMFS_CALL CimCreateFile(CIMFS_IMAGE_HANDLE cimImageHandle, PCWSTR imageRelativePath,
                                 const CIMFS_FILE_METADATA *fileMetadata, CIMFS_STREAM_HANDLE *cimStreamHandle);

/* Makes an alternate stream: `file:stream` or `file:stream:$DATA`. */
HRESULT CIMFS_CALL CimCreateAlternateStream(CIMFS_IMAGE_HANDLE cimImageHandle, PCWSTR imageRelativePath,
                                            UINT64 streamSize, CIMFS_STREAM_HANDLE *cimStreamHandle);

/* Appends to an open stream. What is never written reads as zeros. */
HRESULT CIMFS_CALL CimWriteStream(CIMFS_STREAM_HANDLE cimStreamHandle, const void *buffer, UINT32 bufferSize);
void CIMFS_CALL CimCloseStream(CIMFS_STREAM_HANDLE cimStreamHandle);

/* Gives a file another name; deletes a file, a name, a stream, or a directory with all below it. */
HRESULT CIMFS_CALL CimCreateHardLink(CIMFS_IMAGE_HANDLE cimImageHandle, PCWSTR imageRelativePath,
                                     PCWSTR existingImageRelativePath);
HRESULT CIMFS_CALL CimDeletePath(CIMFS_IMAGE_HANDLE cimImageHandle, PCWSTR imageRelativePath);

/* Reports whether the image, as it would be committed now, has a file, directory or alternate stream. */
HRESULT CIMFS_CALL CimLookupFile(CIMFS_IMAGE_HANDLE cimImageHandle, PCWSTR imageRelativePath, BOOLEAN *exists);

/* Makes the image visible, whole or not at all. Without, closing drops everything. */
HRESULT CIMFS_CALL CimCommitImage(CIMFS_IMAGE_HANDLE cimImageHandle);
void CIMFS_CALL CimCloseImage(CIMFS_IMAGE_HANDLE cimImageHandle);

/* Shows an image as a volume, which bears the GUID, and takes it away. */
HRESULT CIMFS_CALL CimMountImage(PCWSTR imageContainingPath, PCWSTR imageName,
                                 CIM_MOUNT_IMAGE_FLAGS mountImageFlags, const GUID *volumeId);
HRESULT CIMFS_CALL CimDismountImage(const GUID *volumeId);

/* Read out of an image that is not mounted. imagePath is the path of the .cim file. */
HRESULT CIMFS_CALL CimReadFile(PCWSTR imagePath, PCWSTR filePath, UINT64 offset, void *buffer, UINT64 bufferSize,
                               UINT64 *bytesRead, UINT64 *bytesRemaining);
HRESULT CIMFS_CALL CimGetFileStatBasicInformation(PCWSTR imagePath, PCWSTR filePath,
                                                  CIMFS_STAT_BASIC_INFORMATION *statInfo);

/* The same with flags, which must be 0: all others name images in a single file or on a device. */
HRESULT CIMFS_CALL CimReadFile2(PCWSTR imagePath, PCWSTR filePath, UINT64 offset, void *buffer, UINT64 bufferSize,
                                UINT64 *bytesRead, UINT64 *bytesRemaining, UINT32 flags);
HRESULT CIMFS_CALL CimGetFileStatBasicInformation2(PCWSTR imagePath, PCWSTR filePath,
                                                   CIMFS_STAT_BASIC_INFORMATION *statInfo, UINT32 flags);

/* Merged, sealed, verified and block images. These functions exist so that programs written for cimfs.dll load: each
 * returns NOT_SUPPORTED (0x80070032) and writes to none of its results. */
HRESULT CIMFS_CALL CimAddFsToMergedImage(CIMFS_IMAGE_HANDLE cimImageHandle, PCWSTR existingImageName);
HRESULT CIMFS_CALL CimAddFsToMergedImage2(CIMFS_IMAGE_HANDLE cimImageHandle, PCWSTR existingImageName, UINT32 flags);
HRESULT CIMFS_CALL CimCreateMergedFile(CIMFS_IMAGE_HANDLE cimImageHandle, PCWSTR imageRelativePath,
                                       void *backingFsPointer, void *backingFilePointer, UINT16 fsIndex);
HRESULT CIMFS_CALL CimCreateMergeLink(CIMFS_IMAGE_HANDLE cimImageHandle, PCWSTR imageRelativePath,
                                      PCWSTR existingImageRelativePath);
HRESULT CIMFS_CALL CimTombstoneFile(CIMFS_IMAGE_HANDLE cimImageHandle, PCWSTR imageRelativePath);
HRESULT CIMFS_CALL CimMergeMountImage(UINT32 imageCount, const CIMFS_IMAGE_PATH *imagePaths, UINT32 mountImageFlags,
                                      const GUID *volumeId);
HRESULT CIMFS_CALL CimSealImage(PCWSTR imagePath, UINT64 *hashSize, UINT64 *headerSize, uint8_t *hash);
HRESULT CIMFS_CALL CimGetVerificationInformation(PCWSTR imagePath, UINT32 *isSealed, UINT64 *hashSize,
                                                 UINT64 *signatureSize, UINT64 *headerSize, uint8_t *hash,
                                                 uint8_t *signature);
HRESULT CIMFS_CALL CimMountVerifiedImage(PCWSTR imageContainingPath, PCWSTR imageName, UINT32 mountImageFlags,
                                         const GUID *volumeId, UINT16 hashSize, const uint8_t *hash);
HRESULT CIMFS_CALL CimMergeMountVerifiedImage(UINT32 imageCount, const CIMFS_IMAGE_PATH *imagePaths,
                                              UINT32 mountImageFlags, const GUID *volumeId, UINT16 hashSize,
                                              const uint8_t *hash);
HRESULT CIMFS_CALL CimConvertBlockImage(PCWSTR imageContainingPath, PCWSTR existingImageName,
                                        PCWSTR newImageContainingPath);

#if defined(__cplusplus)
}
#endif

#endif
