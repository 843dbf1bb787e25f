/* The few functions that compilers and drivers expect. Copies go by words, since what a driver moves is timed. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Words of any object. */
typedef uint32_t __attribute__((may_alias)) word;

enum { WORD = sizeof(word), BLOCK = 8 };

static bool aligned(const void *at)
{
    return (uintptr_t)at % WORD == 0;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if (bytes >= 2 * WORD) {
        for (; !aligned(d); bytes--) {
            *d++ = *s++;
        }
        word *dw = (word *)(void *)d;
        if (aligned(s)) {
            const word *sw = (const word *)(const void *)s;
            for (; bytes >= BLOCK * WORD; bytes -= BLOCK * WORD, dw += BLOCK, sw += BLOCK) {
                const word w0 = sw[0], w1 = sw[1], w2 = sw[2], w3 = sw[3];
                const word w4 = sw[4], w5 = sw[5], w6 = sw[6], w7 = sw[7];
                dw[0] = w0, dw[1] = w1, dw[2] = w2, dw[3] = w3;
                dw[4] = w4, dw[5] = w5, dw[6] = w6, dw[7] = w7;
            }
            for (; bytes >= WORD; bytes -= WORD) {
                *dw++ = *sw++;
            }
            s = (const uint8_t *)sw;
        } else {
            /* Aligned words of the source, shifted into place; the last one is read only where it holds a wanted byte. */
            const unsigned right = (uintptr_t)s % WORD * 8;
            const unsigned left = 32 - right;
            const word *sw = (const word *)((uintptr_t)s - right / 8);
            word low = *sw++;
            for (; bytes >= WORD; bytes -= WORD, s += WORD) {
                const word high = *sw++;
                *dw++ = low >> right | high << left;
                low = high;
            }
        }
        d = (uint8_t *)dw;
    }
    for (; bytes != 0; bytes--) {
        *d++ = *s++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    if ((uintptr_t)to - (uintptr_t)from >= bytes) {
        return memcpy(to, from, bytes); /* which goes forwards, so that a destination below is fine, too */
    }
    uint8_t *d = (uint8_t *)to + bytes;
    const uint8_t *s = (const uint8_t *)from + bytes;
    if (((uintptr_t)d - (uintptr_t)s) % WORD == 0) {
        for (; bytes != 0 && !aligned(d); bytes--) {
            *--d = *--s;
        }
        for (; bytes >= WORD; bytes -= WORD) {
            d -= WORD;
            s -= WORD;
            *(word *)(void *)d = *(const word *)(const void *)s;
        }
    }
    for (; bytes != 0; bytes--) {
        *--d = *--s;
    }
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    uint8_t *d = to;
    if (bytes >= 2 * WORD) {
        for (; !aligned(d); bytes--) {
            *d++ = (uint8_t)value;
        }
        const word w = (uint8_t)value * UINT32_C(0x01010101);
        word *dw = (word *)(void *)d;
        for (; bytes >= BLOCK * WORD; bytes -= BLOCK * WORD, dw += BLOCK) {
            dw[0] = w, dw[1] = w, dw[2] = w, dw[3] = w;
            dw[4] = w, dw[5] = w, dw[6] = w, dw[7] = w;
        }
        for (; bytes >= WORD; bytes -= WORD) {
            *dw++ = w;
        }
        d = (uint8_t *)dw;
    }
    for (; bytes != 0; bytes--) {
        *d++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    if (aligned(x) && aligned(y)) {
        while (bytes >= WORD && *(const word *)(const void *)x == *(const word *)(const void *)y) {
            x += WORD;
            y += WORD;
            bytes -= WORD;
        }
    }
    for (; bytes != 0; bytes--, x++, y++) {
        if (*x != *y) {
            return *x < *y ? -1 : 1;
        }
    }
    return 0;
}

size_t strlen(const char *text)
{
    const char *end = text;
    while (*end != '\0') {
        end++;
    }
    return (size_t)(end - text);
}

int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (int)(unsigned char)*a - (int)(unsigned char)*b;
}
