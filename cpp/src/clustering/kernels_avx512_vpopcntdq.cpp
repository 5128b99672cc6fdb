// Counts of bits for x86-64-v4 with AVX512-VPOPCNTDQ, which the level does not include.
#include "kernels_prelude.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4,avx512vpopcntdq"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,avx512vpopcntdq,prefer-vector-width=512")
#endif
#define BOXEL_KERNELS x86_64_v4::vpopcntdq
#define BOXEL_VECTOR_POPCOUNT
#define BOXEL_VECTOR_BYTES 64
// clang-format off: the order is that of use.
#include "boxel/clustering/kernels/vectors.hpp"
#include "boxel/clustering/kernels/bits.hpp"
// clang-format on
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace boxel {
void use_vpopcntdq(ClusteringKernels& kernels) {
  kernels.tanimoto32 = &x86_64_v4::vpopcntdq::tanimoto<float>;
  kernels.tanimoto64 = &x86_64_v4::vpopcntdq::tanimoto<double>;
}
}  // namespace boxel
