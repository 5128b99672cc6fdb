// The clustering kernels for x86-64-v2.
#include "kernels_prelude.hpp"

#define BOXEL_KERNELS x86_64_v2
#define BOXEL_KERNELS_NAME "x86-64-v2"
#define BOXEL_VECTOR_BYTES 16
#define BOXEL_SCALAR_POPCOUNT
#include "boxel/clustering/kernels/all.hpp"

namespace boxel {
const ClusteringKernels& clustering_kernels_x86_64_v2() { return x86_64_v2::clustering_table; }
}  // namespace boxel
