#define PLUMB_TILES 6
#include "level.h"
#include "product.h"

#if defined(__aarch64__)

#include "vector_neon.h"

#include "level_body.h"

const struct level *const plumb_level_neon = &table;
#else
const struct level *const plumb_level_neon = NULL;
#endif
