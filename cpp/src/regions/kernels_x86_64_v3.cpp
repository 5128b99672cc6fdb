// The region kernels for x86-64-v3.
#include "../kernels_prelude.hpp"
#include "boxel/regions/kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#endif
#define BOXEL_HAS_FMA
#define BOXEL_VECTOR_BYTES 32
#define BOXEL_KERNELS x86_64_v3
#define BOXEL_KERNELS_NAME "x86-64-v3"
#include "boxel/regions/kernels/all.hpp"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace boxel {
const RegionKernels& region_kernels_x86_64_v3() { return x86_64_v3::region_table; }
}  // namespace boxel
