/* The most 8-bit multiply-accumulates a core can do: operands stay in registers, nothing is loaded.

   gcc -O3 -march=native -shared -fPIC int8_peak.c -o int8_peak.so

   Each function returns the multiply-accumulates it has done. The empty assembly keeps the compiler
   from taking the products out of the loop. */

#include <immintrin.h>

#define SUMS 8
#define OPAQUE(value) __asm__ volatile("" : "+x"(value))

static volatile int sink;

#if defined(__AVX512VNNI__)

const char *instruction(void) { return "vpdpbusd, 512 bits"; }

long long fast(long long rounds) {
  __m512i sums[SUMS], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
  for (int i = 0; i < SUMS; i++) sums[i] = _mm512_setzero_si512();
  for (long long round = 0; round < rounds; round++)
    _Pragma("GCC unroll 8") for (int i = 0; i < SUMS; i++) {
      __asm__ volatile("" : "+v"(a));
      sums[i] = _mm512_dpbusd_epi32(sums[i], a, b);
    }
  for (int i = 0; i < SUMS; i++) sink += _mm512_reduce_add_epi32(sums[i]);
  return rounds * SUMS * 64;
}

#elif defined(__AVX2__)

const char *instruction(void) { return "vpmaddubsw, vpmaddwd, vpaddd, 256 bits"; }

long long fast(long long rounds) {
  __m256i sums[SUMS], a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int i = 0; i < SUMS; i++) sums[i] = _mm256_setzero_si256();
  for (long long round = 0; round < rounds; round++)
    _Pragma("GCC unroll 8") for (int i = 0; i < SUMS; i++) {
      OPAQUE(a);
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
    }
  for (int i = 0; i < SUMS; i++) sink += _mm256_extract_epi32(sums[i], 0);
  return rounds * SUMS * 32;
}

#else
#error "neither AVX2 nor AVX-512 VNNI"
#endif

#if defined(__AVX2__)

/* The same without saturation: operands widened to 16 bits beforehand. */
long long exact(long long rounds) {
  __m256i sums[SUMS], a = _mm256_set1_epi16(3), b = _mm256_set1_epi16(5);
  for (int i = 0; i < SUMS; i++) sums[i] = _mm256_setzero_si256();
  for (long long round = 0; round < rounds; round++)
    _Pragma("GCC unroll 8") for (int i = 0; i < SUMS; i++) {
      OPAQUE(a);
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(a, b));
    }
  for (int i = 0; i < SUMS; i++) sink += _mm256_extract_epi32(sums[i], 0);
  return rounds * SUMS * 16;
}

#endif
