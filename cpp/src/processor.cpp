#include "processor.hpp"

#if defined(BOXEL_X86_64_LEVELS)
#include <cpuid.h>

#include <cstdint>

namespace boxel {
namespace {

// The registers of a leaf of CPUID; zeros where the processor has no such leaf.
struct Leaf {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  explicit Leaf(unsigned leaf) {
    if (!__get_cpuid_count(leaf, 0, &a, &b, &c, &d)) a = b = c = d = 0;
  }
};

constexpr bool has(unsigned word, unsigned bits) { return (word & bits) == bits; }
constexpr unsigned bit(int index) { return 1U << index; }

// The parts of the registers that the system saves when it switches between threads.
std::uint64_t saved_state() {
  if (!has(Leaf(1).c, bit(27))) return 0;  // OSXSAVE: XGETBV can be executed
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (std::uint64_t{high} << 32) | low;
}

constexpr std::uint64_t sse_and_avx = 0x6;
constexpr std::uint64_t masks_and_zmm = 0xe0;

bool saves(std::uint64_t state) { return (saved_state() & state) == state; }

}  // namespace

bool runs_x86_64_v3() {
  const Leaf basic(1);
  const Leaf extended(7);
  const Leaf later(0x80000001);
  const unsigned fma_movbe_avx_f16c = bit(12) | bit(22) | bit(28) | bit(29);
  const unsigned bmi_avx2_bmi2 = bit(3) | bit(5) | bit(8);
  const unsigned lzcnt = bit(5);
  return has(basic.c, fma_movbe_avx_f16c) && has(extended.b, bmi_avx2_bmi2) &&
         has(later.c, lzcnt) && saves(sse_and_avx);
}

bool runs_x86_64_v4() {
  const unsigned f_dq_cd_bw_vl = bit(16) | bit(17) | bit(28) | bit(30) | bit(31);
  return runs_x86_64_v3() && has(Leaf(7).b, f_dq_cd_bw_vl) && saves(sse_and_avx | masks_and_zmm);
}

bool runs_avx512_vpopcntdq() { return runs_x86_64_v4() && has(Leaf(7).c, bit(14)); }

}  // namespace boxel
#endif
