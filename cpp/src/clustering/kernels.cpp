#include "boxel/clustering/kernels.hpp"

#include <array>
#include <stdexcept>
#include <string>

namespace boxel {

#if defined(BOXEL_X86_64_LEVELS)
const ClusteringKernels& clustering_kernels_x86_64_v2();
#if BOXEL_X86_64_LEVELS >= 3
const ClusteringKernels& clustering_kernels_x86_64_v3();
#endif
#if BOXEL_X86_64_LEVELS >= 4
const ClusteringKernels& clustering_kernels_x86_64_v4();
#endif
#else
const ClusteringKernels& clustering_kernels_plain();
#endif

namespace {

std::array tables{
#if defined(BOXEL_X86_64_LEVELS)
    &clustering_kernels_x86_64_v2,
#if BOXEL_X86_64_LEVELS >= 3
    &clustering_kernels_x86_64_v3,
#endif
#if BOXEL_X86_64_LEVELS >= 4
    &clustering_kernels_x86_64_v4,
#endif
#else
    &clustering_kernels_plain,
#endif
};

}  // namespace

const ClusteringKernels& clustering_kernels(const KernelSet& kernels) {
  for (const auto table : tables) {
    if (table().name == kernels.name) return table();
  }
  throw std::logic_error("no clustering kernels for " + std::string(kernels.name));
}

}  // namespace boxel
