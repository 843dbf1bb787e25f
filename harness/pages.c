#include "harness/pages.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

void bt_pages_advise(void *block, size_t bytes, int advice)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t begin = ((uintptr_t)block + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)block + bytes) / page * page;
    if (block != NULL && end > begin) {
        (void)madvise((void *)begin, end - begin, advice);
    }
}
