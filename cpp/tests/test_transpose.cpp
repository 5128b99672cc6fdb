// Rows across memory: transposed samples in every kernel set, and nothing read or written besides.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

struct TransposeCase {
  std::int64_t item;
  int rows;
  std::int64_t count;
  std::int64_t stride;
  // Bytes of the array behind the last sample.
  std::int64_t behind;
  std::int64_t ahead;
};

std::string describe(const TransposeCase& c) {
  return check::text("item", c.item, "rows", c.rows, "count", c.count, "stride", c.stride, "behind",
                     c.behind, "ahead", c.ahead);
}

constexpr std::byte untouched{0xa5};

void check_transposed(const KernelSet& kernels, const TransposeCase& c, Random& random) {
  // Of exactly the size that may be read, so that a sanitizer sees what is read beyond.
  const std::int64_t readable = (c.count - 1) * c.stride + c.rows * c.item + c.behind;
  const auto memory = std::make_unique<std::byte[]>(static_cast<std::size_t>(readable));
  for (std::int64_t k = 0; k < readable; ++k) memory[k] = static_cast<std::byte>(random.bits());
  const std::int64_t row_bytes = c.count * c.item + random.between(0, 9);
  std::vector<std::byte> out(static_cast<std::size_t>(row_bytes * 8), untouched);
  const Columns columns{memory.get(), c.stride, c.count, c.rows, readable, c.ahead, 1, 3};
  kernels.transpose(static_cast<std::size_t>(c.item))(out.data(), row_bytes, columns);
  for (std::int64_t row = 0; row < 8; ++row) {
    for (std::int64_t byte = 0; byte < row_bytes; ++byte) {
      const std::int64_t position = byte / c.item;
      std::byte expected = untouched;
      if (row < c.rows && position < c.count) {
        expected = memory[position * c.stride + row * c.item + byte % c.item];
      }
      const std::byte found = out[static_cast<std::size_t>(row * row_bytes + byte)];
      CHECK(found == expected, kernels.name, describe(c), "row", row, "byte", byte);
    }
  }
}

}  // namespace

TEST(transposed_rows_hold_the_samples_of_each_position) {
  Random random(901);
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const std::int64_t item : {1, 2, 4, 8}) {
      for (int rows = 1; rows <= 8; ++rows) {
        for (const std::int64_t count : {1, 2, 15, 16, 33, 70}) {
          const std::int64_t stride = item * random.between(rows, 40) + random.pick({0, 0, 1, 3});
          const std::int64_t behind = random.pick<std::int64_t>({0, 0, 1, 64, 400});
          const std::int64_t ahead = random.pick<std::int64_t>({0, 640, 1 << 20});
          check_transposed(*kernels, {item, rows, count, stride, behind, ahead}, random);
        }
      }
    }
  }
}

}  // namespace boxel::test
