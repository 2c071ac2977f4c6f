// Islands around libpng and libjpeg. Both report errors by longjmp, which must not cross Swift
// frames, and both hide their entry points behind macros that Swift does not import. Every function
// here returns a code, writes a message instead of printing one, and frees what it took on every
// path.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
  PLUMB_IMAGE_OK = 0,
  /// The data ended before the picture did.
  PLUMB_IMAGE_TRUNCATED = 1,
  /// The data contradicts itself or its format.
  PLUMB_IMAGE_CORRUPT = 2,
  /// A well-formed picture of a kind that is not read here.
  PLUMB_IMAGE_UNSUPPORTED = 3,
  PLUMB_IMAGE_NO_MEMORY = 4,
};

#define PLUMB_IMAGE_MESSAGE_SIZE 256

/// What a file's header says.
typedef struct {
  uint32_t width;
  uint32_t height;
  /// Samples of a pixel as stored (a palette index is one sample).
  uint32_t channels;
  /// Bits of a sample as stored.
  uint32_t bits;
} plumb_image_header;

/// Reads the header of a PNG. `message` has PLUMB_IMAGE_MESSAGE_SIZE bytes and is always a C string
/// after the call, as in all functions below.
int plumb_png_header(const uint8_t *bytes, size_t count, plumb_image_header *header,
                     char *message);

/// Decodes a whole PNG to 8-bit RGB rows without padding. `rgb` has 3 * width * height bytes, with
/// the width and height that plumb_png_header gave. Alpha and tRNS are dropped, 16-bit samples
/// keep their high byte.
int plumb_png_decode(const uint8_t *bytes, size_t count, uint8_t *rgb, uint32_t width,
                     uint32_t height, char *message);

/// Encodes 8-bit RGB rows without padding. On success `*out` is a block of `*out_count` bytes from
/// malloc, to be given to plumb_image_free; on failure it is NULL.
int plumb_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t **out,
                     size_t *out_count, char *message);

void plumb_image_free(uint8_t *block);

/// Reads the header of a JPEG; `channels` is 1, 3 or 4 on success.
int plumb_jpeg_header(const uint8_t *bytes, size_t count, plumb_image_header *header,
                      char *message);

/// Decodes a whole JPEG. `samples` has channels * width * height bytes: grey, RGB, or CMYK as
/// stored (YCCK is brought to CMYK, Adobe's inversion is left in). libjpeg's warnings that mean
/// lost or damaged data are errors. `memory_limit` bounds libjpeg's own buffers, in bytes.
int plumb_jpeg_decode(const uint8_t *bytes, size_t count, uint8_t *samples, uint32_t width,
                      uint32_t height, uint32_t channels, size_t memory_limit, char *message);

/// 1 when `count` bytes can be taken from the allocator now, else 0.
int plumb_can_allocate(size_t count);
