// The kernels for processors without levels of their own here.
#include "kernels_prelude.hpp"

#define BOXEL_VECTOR_BYTES 16
#define BOXEL_KERNELS plain
#define BOXEL_KERNELS_NAME "plain"
#include "boxel/kernels/all.hpp"

namespace boxel {
const KernelSet& kernels_plain() { return plain::kernel_set; }
}  // namespace boxel
