// The kernels for x86-64-v4.
#include "kernels_prelude.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
#endif
#define BOXEL_HAS_FMA
#define BOXEL_CASTS_WORDS
#define BOXEL_VECTOR_BYTES 64
#define BOXEL_KERNELS x86_64_v4
#define BOXEL_KERNELS_NAME "x86-64-v4"
#include "boxel/kernels/all.hpp"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace boxel {
const KernelSet& kernels_x86_64_v4() { return x86_64_v4::kernel_set; }
}  // namespace boxel
