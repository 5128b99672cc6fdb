// The clustering kernels for x86-64-v4.
#include "../processor.hpp"
#include "kernels_prelude.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
#endif
#define BOXEL_KERNELS x86_64_v4
#define BOXEL_KERNELS_NAME "x86-64-v4"
#define BOXEL_VECTOR_BYTES 64
#include "boxel/clustering/kernels/all.hpp"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace boxel {

void use_vpopcntdq(ClusteringKernels& kernels);

const ClusteringKernels& clustering_kernels_x86_64_v4() {
  static const ClusteringKernels kernels = [] {
    ClusteringKernels table = x86_64_v4::clustering_table;
    if (runs_avx512_vpopcntdq()) use_vpopcntdq(table);
    return table;
  }();
  return kernels;
}

}  // namespace boxel
