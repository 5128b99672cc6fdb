#include "boxel/kernel_set.hpp"

#include <stdexcept>
#include <string>

#include "processor.hpp"

namespace boxel {

#if defined(BOXEL_X86_64_LEVELS)
const KernelSet& kernels_x86_64_v2();
#if BOXEL_X86_64_LEVELS >= 3
const KernelSet& kernels_x86_64_v3();
#endif
#if BOXEL_X86_64_LEVELS >= 4
const KernelSet& kernels_x86_64_v4();
#endif
#else
const KernelSet& kernels_plain();
#endif

namespace {

std::vector<const KernelSet*> find_available() {
  std::vector<const KernelSet*> sets;
#if defined(BOXEL_X86_64_LEVELS)
  sets.push_back(&kernels_x86_64_v2());
#if BOXEL_X86_64_LEVELS >= 3
  if (runs_x86_64_v3()) sets.push_back(&kernels_x86_64_v3());
#endif
#if BOXEL_X86_64_LEVELS >= 4
  if (runs_x86_64_v4()) sets.push_back(&kernels_x86_64_v4());
#endif
#else
  sets.push_back(&kernels_plain());
#endif
  return sets;
}

}  // namespace

const std::vector<const KernelSet*>& available_kernel_sets() {
  static const std::vector<const KernelSet*> sets = find_available();
  return sets;
}

const KernelSet& choose_kernel_set(std::string_view name) {
  const auto& sets = available_kernel_sets();
  if (name.empty()) return *sets.back();
  std::string known;
  for (const KernelSet* set : sets) {
    if (set->name == name) return *set;
    if (!known.empty()) known += ", ";
    known += set->name;
  }
  throw std::invalid_argument("BOXEL_ISA=" + std::string(name) +
                              " is not available here; this processor runs: " + known);
}

}  // namespace boxel
