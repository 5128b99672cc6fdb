// The region kernels for x86-64-v2.
#include "../kernels_prelude.hpp"
#include "boxel/regions/kernels.hpp"

#define BOXEL_VECTOR_BYTES 16
#define BOXEL_KERNELS x86_64_v2
#define BOXEL_KERNELS_NAME "x86-64-v2"
#include "boxel/regions/kernels/all.hpp"

namespace boxel {
const RegionKernels& region_kernels_x86_64_v2() { return x86_64_v2::region_table; }
}  // namespace boxel
