"""Numbers of half precision (IEEE 754 binary16), widened to single precision. All of them finite.

Vectors are kept as the store has them: they take half the memory, and a scan of them, which waits for memory,
is a quarter faster than a matrix product of single precision. x86-64 processors since 2013 have an instruction
that widens eight at once; where there is none, shifting and scaling does, exactly too.
"""

from libc.stdint cimport uint16_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    static inline float widened(uint16_t half) {
        /* As bits of a float whose exponent is too small by 127 - 15. */
        uint32_t bits = (uint32_t)(half & 0x7FFFu) << 13;
        float value;
        memcpy(&value, &bits, sizeof value);
        value *= 0x1p112f;
        return half & 0x8000u ? -value : value;
    }

    static inline void widen_each(const uint16_t* halves, Py_ssize_t count, float* into) {
        for (Py_ssize_t place = 0; place < count; place++) into[place] = widened(halves[place]);
    }

    static inline float product_of_each(const uint16_t* halves, const float* other, Py_ssize_t count) {
        float total = 0.0f;
        for (Py_ssize_t place = 0; place < count; place++) total += widened(halves[place]) * other[place];
        return total;
    }

    #if defined(__x86_64__) && defined(__GNUC__)
    #include <immintrin.h>

    static const int WIDENS_EIGHT = __builtin_cpu_supports("avx") && __builtin_cpu_supports("f16c");

    __attribute__((target("avx,f16c")))
    static inline __m256 eight_at(const uint16_t* halves) {
        return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)halves));
    }

    __attribute__((target("avx,f16c")))
    static inline void widen_eights(const uint16_t* halves, Py_ssize_t count, float* into) {
        Py_ssize_t place = 0;
        for (; place + 8 <= count; place += 8) _mm256_storeu_ps(into + place, eight_at(halves + place));
        widen_each(halves + place, count - place, into + place);
    }

    __attribute__((target("avx,f16c")))
    static inline float product_of_eights(const uint16_t* halves, const float* other, Py_ssize_t count) {
        __m256 even = _mm256_setzero_ps(), odd = _mm256_setzero_ps();
        Py_ssize_t place = 0;
        for (; place + 16 <= count; place += 16) {
            even = _mm256_add_ps(even, _mm256_mul_ps(eight_at(halves + place), _mm256_loadu_ps(other + place)));
            odd = _mm256_add_ps(
                odd, _mm256_mul_ps(eight_at(halves + place + 8), _mm256_loadu_ps(other + place + 8)));
        }
        float sums[8], total = product_of_each(halves + place, other + place, count - place);
        _mm256_storeu_ps(sums, _mm256_add_ps(even, odd));
        for (int lane = 0; lane < 8; lane++) total += sums[lane];
        return total;
    }

    static inline void widen(const uint16_t* halves, Py_ssize_t count, float* into) {
        (WIDENS_EIGHT ? widen_eights : widen_each)(halves, count, into);
    }

    static inline float product(const uint16_t* halves, const float* other, Py_ssize_t count) {
        return (WIDENS_EIGHT ? product_of_eights : product_of_each)(halves, other, count);
    }
    #else
    #define widen widen_each
    #define product product_of_each
    #endif
    """
    void widen(const uint16_t* halves, Py_ssize_t count, float* into) noexcept nogil
    float product(const uint16_t* halves, const float* other, Py_ssize_t count) noexcept nogil
    void widen_each(const uint16_t* halves, Py_ssize_t count, float* into) noexcept nogil
    float product_of_each(const uint16_t* halves, const float* other, Py_ssize_t count) noexcept nogil
