#include "CByteIO.h"

#include <string.h>

// Bytes in which each symbol takes as many bits as its frequency tells, fractions of bits
// included: 32 coders of range asymmetric numeral systems take turns, so that they can be undone
// side by side. formats/plumb.md §4 has the layout.
//
// A state x is at least 2^16 between symbols. Decoding a symbol of frequency f and cumulated
// frequency c: x becomes f·(x >> 12) + (x & 4095) − c; when that is below 2^16, a word of 16 bits
// comes in from below. Words come in the order of the symbols.

enum { LANES = 32, BITS = 12, TOTAL = 1 << BITS, KIND = 1, FIXED = 5 };
#define LOWEST (1u << 16)

// MARK: Checksum: XXH64 with the seed 0, of which zstd's frames too keep the lower half.

static uint64_t rotated(uint64_t x, int bits) { return x << bits | x >> (64 - bits); }

static uint64_t load64(const uint8_t *p) {
  uint64_t x;
  memcpy(&x, p, 8);
  return x;
}

static uint32_t load32(const uint8_t *p) {
  uint32_t x;
  memcpy(&x, p, 4);
  return x;
}

static const uint64_t P1 = 11400714785074694791u, P2 = 14029467366897019727u,
                      P3 = 1609587929392839161u, P4 = 9650029242287828579u,
                      P5 = 2870177450012600261u;

static uint64_t mixed(uint64_t sum, uint64_t word) { return rotated(sum + word * P2, 31) * P1; }

static uint32_t checksum_of(const void *bytes, size_t count) {
  const uint8_t *p = bytes, *end = p + count;
  uint64_t hash = P5;
  if (count >= 32) {
    uint64_t a = P1 + P2, b = P2, c = 0, d = -P1;
    for (; end - p >= 32; p += 32) {
      a = mixed(a, load64(p));
      b = mixed(b, load64(p + 8));
      c = mixed(c, load64(p + 16));
      d = mixed(d, load64(p + 24));
    }
    hash = rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18);
    hash = (hash ^ mixed(0, a)) * P1 + P4;
    hash = (hash ^ mixed(0, b)) * P1 + P4;
    hash = (hash ^ mixed(0, c)) * P1 + P4;
    hash = (hash ^ mixed(0, d)) * P1 + P4;
  }
  hash += count;
  for (; end - p >= 8; p += 8) hash = rotated(hash ^ mixed(0, load64(p)), 27) * P1 + P4;
  if (end - p >= 4) hash = rotated(hash ^ load32(p) * P1, 23) * P2 + P3, p += 4;
  for (; p < end; p++) hash = rotated(hash ^ *p * P5, 11) * P1;
  hash = (hash ^ hash >> 33) * P2;
  hash = (hash ^ hash >> 29) * P3;
  return (uint32_t)(hash ^ hash >> 32);
}

// MARK: Coding

// Frequencies that sum to TOTAL, none of a symbol that occurs 0. By whole numbers alone: the same
// bytes on every machine. False when there is nothing to gain.
static int frequencies(const uint32_t *counts, size_t count, uint32_t *f) {
  int used = 0, sum = 0;
  double spread = 0, even = (double)count / 256;
  for (int s = 0; s < 256; s++) {
    double off = counts[s] - even;
    spread += off * off;
    f[s] = 0;
    if (!counts[s]) continue;
    used++;
    f[s] = (uint32_t)(((uint64_t)counts[s] * TOTAL + count / 2) / count);
    if (f[s] == 0) f[s] = 1;
    sum += (int)f[s];
  }
  if (used < 2) return 0;
  // What a distribution this far from an even one saves, in bits, is about χ²/(2 ln 2).
  if (spread / even / 1.386 < 8.0 * (FIXED + 4 * LANES + used) + (double)count / 64) return 0;
  while (sum != TOTAL) {
    // One more or less where it matters least: a symbol's bits change by about count/(f ± ½).
    int best = -1;
    for (int s = 0; s < 256; s++) {
      if (!f[s] || (sum > TOTAL && f[s] == 1)) continue;
      if (best < 0) {
        best = s;
        continue;
      }
      int shift = sum > TOTAL ? -1 : 1;
      uint64_t mine = (uint64_t)counts[s] * (2 * f[best] + shift);
      uint64_t other = (uint64_t)counts[best] * (2 * f[s] + shift);
      if (sum > TOTAL ? mine < other : mine > other) best = s;
    }
    if (sum > TOTAL) f[best]--, sum--;
    else f[best]++, sum++;
  }
  return 1;
}

size_t plumb_code_part(const uint8_t *source, size_t count, uint8_t *target, size_t capacity) {
  if (count == 0 || count >= UINT32_MAX) return 0;
  uint32_t counts[4][256] = {{0}}, f[256], before[256];
  size_t i = 0;
  for (; i + 4 <= count; i += 4)
    for (int k = 0; k < 4; k++) counts[k][source[i + k]]++;
  for (; i < count; i++) counts[0][source[i]]++;
  for (int s = 0; s < 256; s++) counts[0][s] += counts[1][s] + counts[2][s] + counts[3][s];
  if (!frequencies(counts[0], count, f)) return 0;

  if (capacity < FIXED + 2 * 256 + 4 * LANES) return 0;
  size_t place = FIXED;
  uint32_t sum = 0;
  for (int s = 0; s < 256; s++) {
    before[s] = sum;
    sum += f[s];
    if (f[s] >= 128) {
      target[place++] = (uint8_t)(128 | f[s] >> 8);
      target[place++] = (uint8_t)f[s];
    } else if (f[s]) {
      target[place++] = (uint8_t)f[s];
    } else {
      int run = s;
      while (run < 255 && f[run + 1] == 0) before[++run] = sum;
      target[place++] = 0;
      target[place++] = (uint8_t)(run - s);
      s = run;
    }
  }

  uint32_t states[LANES];
  for (int lane = 0; lane < LANES; lane++) states[lane] = LOWEST;
  uint8_t *word = target + capacity, *least = target + place + 4 * LANES;
  for (i = count; i-- > 0;) {
    uint32_t x = states[i % LANES], frequency = f[source[i]];
    if (x >= frequency << (32 - BITS)) {
      if (word - least < 2) return 0;
      word -= 2;
      word[0] = (uint8_t)x;
      word[1] = (uint8_t)(x >> 8);
      x >>= 16;
    }
    uint32_t quotient = x / frequency;
    states[i % LANES] = (quotient << BITS) + (x - quotient * frequency) + before[source[i]];
  }
  uint32_t checksum = checksum_of(source, count);
  target[0] = KIND;
  for (int k = 0; k < 4; k++) target[1 + k] = (uint8_t)(checksum >> (8 * k));
  for (int lane = 0; lane < LANES; lane++)
    for (int k = 0; k < 4; k++) target[place++] = (uint8_t)(states[lane] >> (8 * k));
  size_t words = (size_t)(target + capacity - word);
  memmove(target + place, word, words);
  return place + words;
}

// MARK: Decoding

// What the lower bits of a state stand for: the symbol, its frequency from bit 8 on, from bit 20 on
// how far the bits are beyond the frequencies of the symbols before.
typedef struct {
  uint32_t slots[TOTAL];
} table;

// The table's bytes; 0 when it breaks a rule.
static size_t read_table(const uint8_t *source, size_t size, table *table) {
  size_t place = 0;
  uint32_t sum = 0;
  for (int s = 0; s < 256; s++) {
    if (place + 2 > size) return 0;
    uint32_t f = source[place++];
    if (f == 0) {
      s += source[place++];
      if (s > 255) return 0;
      continue;
    }
    if (f >= 128) {
      f = (f & 127) << 8 | source[place++];
      if (f < 128) return 0;
    }
    if (f > TOTAL - sum || f == TOTAL) return 0;
    for (uint32_t k = 0; k < f; k++) table->slots[sum + k] = (uint32_t)s | f << 8 | k << 20;
    sum += f;
  }
  return sum == TOTAL ? place : 0;
}

// Decodes whole turns of all lanes while there surely are words enough for one; returns how many.
typedef size_t turns(const uint32_t *, uint32_t *, const uint8_t **, const uint8_t *, uint8_t *,
                     size_t);

static uint32_t decoded(const uint32_t *slots, uint32_t x, uint8_t *target) {
  uint32_t slot = slots[x & (TOTAL - 1)];
  *target = (uint8_t)slot;
  return (slot >> 8 & (TOTAL - 1)) * (x >> BITS) + (slot >> 20);
}

static size_t turns_plain(const uint32_t *slots, uint32_t *states, const uint8_t **words,
                          const uint8_t *end, uint8_t *target, size_t count) {
  size_t turn = 0;
  const uint8_t *word = *words;
  for (; turn < count && end - word >= 2 * LANES; turn++)
    for (int lane = 0; lane < LANES; lane++) {
      uint32_t x = decoded(slots, states[lane], target++);
      uint32_t filled = x << 16 | (uint32_t)(word[0] | word[1] << 8);
      int low = x < LOWEST;
      states[lane] = low ? filled : x;
      word += 2 * low;
    }
  *words = word;
  return turn;
}

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 4")
#endif

__attribute__((target("avx512f,avx512bw,avx512vl"))) static size_t turns_avx512(
    const uint32_t *slots, uint32_t *states, const uint8_t **words, const uint8_t *end,
    uint8_t *target, size_t count) {
  __m512i x[2] = {_mm512_loadu_si512(states), _mm512_loadu_si512(states + 16)};
  const __m512i mask = _mm512_set1_epi32(TOTAL - 1), lowest = _mm512_set1_epi32(LOWEST);
  const uint8_t *word = *words;
  size_t turn = 0;
  for (; turn < count && end - word >= 2 * LANES; turn++, target += LANES) {
    for (int half = 0; half < 2; half++) {
      __m512i slot = _mm512_i32gather_epi32(_mm512_and_si512(x[half], mask), slots, 4);
      _mm_storeu_si128((__m128i *)(target + 16 * half), _mm512_cvtepi32_epi8(slot));
      __m512i f = _mm512_and_si512(_mm512_srli_epi32(slot, 8), mask);
      __m512i y = _mm512_add_epi32(_mm512_mullo_epi32(f, _mm512_srli_epi32(x[half], BITS)),
                                   _mm512_srli_epi32(slot, 20));
      __mmask16 low = _mm512_cmplt_epu32_mask(y, lowest);
      __m512i next = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)word));
      __m512i filled = _mm512_or_si512(_mm512_slli_epi32(y, 16),
                                       _mm512_maskz_expand_epi32(low, next));
      x[half] = _mm512_mask_mov_epi32(y, low, filled);
      word += 2 * __builtin_popcount(low);
    }
  }
  _mm512_storeu_si512(states, x[0]);
  _mm512_storeu_si512(states + 16, x[1]);
  *words = word;
  return turn;
}

// For each set of lanes that take a word, where the bytes of each lane's word are among the next.
static uint8_t choices[256][16];

__attribute__((constructor)) static void make_choices(void) {
  for (int set = 0; set < 256; set++)
    for (int lane = 0, next = 0; lane < 8; lane++) {
      int taken = set >> lane & 1;
      choices[set][2 * lane] = (uint8_t)(taken ? 2 * next : 128);
      choices[set][2 * lane + 1] = (uint8_t)(taken ? 2 * next + 1 : 128);
      next += taken;
    }
}

// Eight slots, one by one: faster than the processor's instruction for it, by a seventh on Zen 3.
__attribute__((target("avx2"), always_inline)) static inline __m256i gathered(const uint32_t *slots,
                                                                             __m256i places) {
  __m128i low = _mm256_castsi256_si128(places), high = _mm256_extracti128_si256(places, 1);
  uint64_t a = (uint64_t)_mm_cvtsi128_si64(low), b = (uint64_t)_mm_extract_epi64(low, 1);
  uint64_t c = (uint64_t)_mm_cvtsi128_si64(high), d = (uint64_t)_mm_extract_epi64(high, 1);
  __m128i s0 = _mm_cvtsi32_si128((int)slots[(uint32_t)a]);
  __m128i s1 = _mm_cvtsi32_si128((int)slots[(uint32_t)b]);
  __m128i s2 = _mm_cvtsi32_si128((int)slots[(uint32_t)c]);
  __m128i s3 = _mm_cvtsi32_si128((int)slots[(uint32_t)d]);
  s0 = _mm_insert_epi32(s0, (int)slots[a >> 32], 1);
  s1 = _mm_insert_epi32(s1, (int)slots[b >> 32], 1);
  s2 = _mm_insert_epi32(s2, (int)slots[c >> 32], 1);
  s3 = _mm_insert_epi32(s3, (int)slots[d >> 32], 1);
  return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_unpacklo_epi64(s0, s1)),
                                 _mm_unpacklo_epi64(s2, s3), 1);
}

__attribute__((target("avx2,popcnt"))) static size_t turns_avx2(
    const uint32_t *slots, uint32_t *states, const uint8_t **words, const uint8_t *end,
    uint8_t *target, size_t count) {
  __m256i x[4];
  for (int part = 0; part < 4; part++)
    x[part] = _mm256_loadu_si256((const __m256i *)(states + 8 * part));
  const __m256i mask = _mm256_set1_epi32(TOTAL - 1), zero = _mm256_setzero_si256();
  const __m256i symbol = _mm256_set1_epi32(255);
  const uint8_t *word = *words;
  size_t turn = 0;
  for (; turn < count && end - word >= 2 * LANES; turn++, target += LANES) {
    __m256i found[4];
    UNROLL for (int part = 0; part < 4; part++) {
      __m256i slot = gathered(slots, _mm256_and_si256(x[part], mask));
      found[part] = _mm256_and_si256(slot, symbol);
      __m256i f = _mm256_and_si256(_mm256_srli_epi32(slot, 8), mask);
      __m256i y = _mm256_add_epi32(_mm256_mullo_epi32(f, _mm256_srli_epi32(x[part], BITS)),
                                   _mm256_srli_epi32(slot, 20));
      __m256i low = _mm256_cmpeq_epi32(_mm256_srli_epi32(y, 16), zero);
      unsigned set = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(low));
      __m128i next = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)word),
                                      _mm_loadu_si128((const __m128i *)choices[set]));
      __m256i shift = _mm256_and_si256(low, _mm256_set1_epi32(16));
      x[part] = _mm256_or_si256(_mm256_sllv_epi32(y, shift), _mm256_cvtepu16_epi32(next));
      word += 2 * __builtin_popcount(set);
    }
    // Packing goes by halves of vectors; the permutation puts the 32 bytes in order.
    __m256i halves = _mm256_packus_epi16(_mm256_packus_epi32(found[0], found[1]),
                                         _mm256_packus_epi32(found[2], found[3]));
    halves = _mm256_permutevar8x32_epi32(halves, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((__m256i *)target, halves);
  }
  for (int part = 0; part < 4; part++)
    _mm256_storeu_si256((__m256i *)(states + 8 * part), x[part]);
  *words = word;
  return turn;
}
#endif

static turns *turns_at(int level) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (level >= 2 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return turns_avx512;
  if (level >= 1 && __builtin_cpu_supports("avx2")) return turns_avx2;
#endif
  (void)level;
  return turns_plain;
}

int plumb_decode_part(const uint8_t *source, size_t size, uint8_t *target, size_t count,
                       int level) {
  table table;
  if (size < FIXED || source[0] != KIND) return PLUMB_CODED_KIND;
  size_t place = read_table(source + FIXED, size - FIXED, &table);
  if (place == 0) return PLUMB_CODED_TABLE;
  place += FIXED;
  if (size - place < 4 * LANES || (size - place) % 2) return PLUMB_CODED_SIZE;
  uint32_t states[LANES];
  for (int lane = 0; lane < LANES; lane++, place += 4)
    states[lane] = source[place] | source[place + 1] << 8 | source[place + 2] << 16 |
                   (uint32_t)source[place + 3] << 24;
  const uint8_t *word = source + place, *end = source + size;
  size_t done = LANES * turns_at(level)(table.slots, states, &word, end, target, count / LANES);
  for (; done < count; done++) {
    uint32_t x = decoded(table.slots, states[done % LANES], target + done);
    if (x < LOWEST) {
      if (end - word < 2) return PLUMB_CODED_SIZE;
      x = x << 16 | (uint32_t)(word[0] | word[1] << 8);
      word += 2;
    }
    states[done % LANES] = x;
  }
  if (word != end) return PLUMB_CODED_SIZE;
  for (int lane = 0; lane < LANES; lane++)
    if (states[lane] != LOWEST) return PLUMB_CODED_STATE;
  uint32_t expected = source[1] | source[2] << 8 | source[3] << 16 | (uint32_t)source[4] << 24;
  return checksum_of(target, count) == expected ? 0 : PLUMB_CODED_CHECKSUM;
}
