// What the processor is found to run, against what the compiler's library finds.
#include <algorithm>
#include <string_view>

#include "../src/processor.hpp"
#include "boxel/kernel_set.hpp"
#include "check.hpp"

#if defined(__x86_64__)

namespace boxel::test {
namespace {

bool is_available(std::string_view name) {
  return std::ranges::any_of(available_kernel_sets(),
                             [&](const KernelSet* set) { return set->name == name; });
}

}  // namespace

// Clang's library does not know the levels everywhere.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
TEST(processor_runs_what_the_compiler_finds) {
  CHECK(__builtin_cpu_supports("x86-64-v2"));  // or this would not run
  CHECK_EQ(runs_x86_64_v3(), __builtin_cpu_supports("x86-64-v3") != 0);
  CHECK_EQ(runs_x86_64_v4(), __builtin_cpu_supports("x86-64-v4") != 0);
  const bool population_count =
      __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512vpopcntdq");
  CHECK_EQ(runs_avx512_vpopcntdq(), population_count);
}
#endif

TEST(processor_is_offered_what_it_runs) {
  CHECK(is_available("x86-64-v2"));
  CHECK(!is_available("x86-64-v3") || runs_x86_64_v3());
  CHECK(!is_available("x86-64-v4") || runs_x86_64_v4());
  CHECK(!runs_x86_64_v4() || runs_x86_64_v3());
}

}  // namespace boxel::test

#endif
