/* The functions that only newer builds have, as far as it takes to see that their arguments arrive. */
#include <string.h>

#include "cimfs.h"

static int is(PCWSTR text, char first, char second)
{
    return text[0] == (WCHAR)first && text[1] == (WCHAR)second && text[2] == 0;
}

static int is_hash(const uint8_t *hash)
{
    return hash[0] == 'a' && hash[31] == 'b';
}

static HRESULT when(int right)
{
    return right ? S_OK : E_INVALIDARG;
}

HRESULT CimSealImage(PCWSTR image, UINT64 *size, UINT64 *header, uint8_t *hash)
{
    *size = is(image, 'a', 'b') ? 32 : 31;
    *header = 4096;
    hash[0] = 'a';
    hash[31] = 'b';
    return S_OK;
}

HRESULT CimGetVerificationInformation(PCWSTR image, UINT32 *sealed, UINT64 *size, UINT64 *signature_size,
                                      UINT64 *header, uint8_t *hash, uint8_t *signature)
{
    *sealed = 1;
    *signature_size = 0;
    return signature == NULL ? CimSealImage(image, size, header, hash) : E_INVALIDARG;
}

HRESULT CimMountVerifiedImage(PCWSTR directory, PCWSTR image, UINT32 flags, const GUID *volume, uint16_t size,
                              const uint8_t *hash)
{
    return when(is(directory, 'a', 'b') && is(image, 'c', 'd') && flags == 0x20 && volume->Data1 == 7 && size == 32 &&
                is_hash(hash));
}

HRESULT CimMergeMountImage(UINT32 count, const CIMFS_IMAGE_PATH *images, UINT32 flags, const GUID *volume)
{
    return when(count == 2 && is(images[0].imageContainingPath, 'a', 'b') && is(images[0].imageName, 'c', 'd') &&
                is(images[1].imageContainingPath, 'c', 'd') && is(images[1].imageName, 'a', 'b') && flags == 0x20 &&
                volume->Data1 == 7);
}

HRESULT CimMergeMountVerifiedImage(UINT32 count, const CIMFS_IMAGE_PATH *images, UINT32 flags, const GUID *volume,
                                   uint16_t size, const uint8_t *hash)
{
    HRESULT result = CimMergeMountImage(count, images, flags, volume);
    return result == S_OK ? when(size == 32 && is_hash(hash)) : result;
}
