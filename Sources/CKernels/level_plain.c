#define PLUMB_TILES 4
#include "level.h"
#include "product.h"

#include "vector_plain.h"

#include "level_body.h"

const struct level *const plumb_level_plain = &table;
