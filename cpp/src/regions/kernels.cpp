#include "boxel/regions/kernels.hpp"

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>

namespace boxel {

#if defined(BOXEL_X86_64_LEVELS)
const RegionKernels& region_kernels_x86_64_v2();
#if BOXEL_X86_64_LEVELS >= 3
const RegionKernels& region_kernels_x86_64_v3();
#endif
#else
const RegionKernels& region_kernels_plain();
#endif

namespace {

// From the least to the most demanding. Regions are bound by their labels, not by the width of a
// vector: a set for x86-64-v4 would be a tenth of the module, for nothing measured.
std::array tables{
#if defined(BOXEL_X86_64_LEVELS)
    &region_kernels_x86_64_v2,
#if BOXEL_X86_64_LEVELS >= 3
    &region_kernels_x86_64_v3,
#endif
#else
    &region_kernels_plain,
#endif
};

}  // namespace

const RegionKernels& region_kernels(const KernelSet& kernels) {
  const std::string_view name = kernels.name == "x86-64-v4" ? "x86-64-v3" : kernels.name;
  for (const auto table : tables) {
    if (table().name == name) return table();
  }
  throw std::logic_error("no region kernels for " + std::string(name));
}

}  // namespace boxel
