/* What makes a vector of numbers a face embedding: its dimension, and that it has unit length. No state. */
#ifndef FACTS_EMBEDDING_H
#define FACTS_EMBEDDING_H

#include <stdbool.h>
#include <stdint.h>

/* The dimensions that face recognition uses (dlib and FaceNet 128, ArcFace 512, ...). */
static inline bool embedding_is_dimension(uint64_t n)
{
    return n == 64 || n == 96 || n == 128 || n == 160 || n == 192 || n == 256 || n == 512 || n == 1024 || n == 2048;
}

static inline bool embedding_is_unit(double sum_of_squares)
{
    return sum_of_squares > 0.998 && sum_of_squares < 1.002;
}

#endif
