#include "boxel/regions/kernels.hpp"

#include <array>
#include <stdexcept>
#include <string>

namespace boxel {

#if defined(BOXEL_X86_64_LEVELS)
const RegionKernels& region_kernels_x86_64_v2();
const RegionKernels& region_kernels_x86_64_v3();
const RegionKernels& region_kernels_x86_64_v4();
#else
const RegionKernels& region_kernels_plain();
#endif

namespace {

std::array tables{
#if defined(BOXEL_X86_64_LEVELS)
    &region_kernels_x86_64_v2, &region_kernels_x86_64_v3, &region_kernels_x86_64_v4
#else
    &region_kernels_plain
#endif
};

}  // namespace

const RegionKernels& region_kernels(const KernelSet& kernels) {
  for (const auto table : tables) {
    if (table().name == kernels.name) return table();
  }
  throw std::logic_error("no region kernels for " + std::string(kernels.name));
}

}  // namespace boxel
