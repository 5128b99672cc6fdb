// The region kernels for processors without levels of their own here.
#include "../kernels_prelude.hpp"
#include "boxel/regions/kernels.hpp"

#define BOXEL_VECTOR_BYTES 16
#define BOXEL_KERNELS plain
#define BOXEL_KERNELS_NAME "plain"
#include "boxel/regions/kernels/all.hpp"

namespace boxel {
const RegionKernels& region_kernels_plain() { return plain::region_table; }
}  // namespace boxel
