// The clustering kernels for processors without levels of their own here.
#include "kernels_prelude.hpp"

#define BOXEL_KERNELS plain
#define BOXEL_KERNELS_NAME "plain"
#define BOXEL_VECTOR_BYTES 16
#include "boxel/clustering/kernels/all.hpp"

namespace boxel {
const ClusteringKernels& clustering_kernels_plain() { return plain::clustering_table; }
}  // namespace boxel
