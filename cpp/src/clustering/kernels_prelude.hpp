// What the clustering kernels' headers need, included before any compiler target is switched; see
// ../kernels_prelude.hpp.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "boxel/clustering/kernels.hpp"

#if defined(__GNUC__) && !defined(__clang__)
// Vectors are passed to functions that are always inlined: no ABI is concerned.
#pragma GCC diagnostic ignored "-Wpsabi"
#endif
