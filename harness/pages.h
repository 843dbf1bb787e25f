/* What the kernel is told of the pages of a block. A matter of speed alone. */
#ifndef BT_PAGES_H
#define BT_PAGES_H

#include <stddef.h>

/** madvise() on the whole pages within a block; the block may be NULL. */
void bt_pages_advise(void *block, size_t bytes, int advice);

#endif
