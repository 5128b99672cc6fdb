// Whole slots give the bits of their groups of rows, in every kernel set.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "block_case.hpp"
#include "boxel/kernel_set.hpp"
#include "boxel/rows.hpp"
#include "check.hpp"
#include "random.hpp"
#include "state.hpp"

namespace boxel::test {
namespace {

struct Geometry {
  std::int64_t slots;
  std::int64_t rows;
  std::int64_t lanes;
  int window;

  std::int64_t outputs() const { return (lanes + window - 1) / window; }
};

std::string describe(const StateRequest& request, const Geometry& g) {
  return "kind " + std::to_string(static_cast<int>(request.kind)) + " sample " +
         std::to_string(static_cast<int>(request.sample)) + " slots " + std::to_string(g.slots) +
         " rows " + std::to_string(g.rows) + " lanes " + std::to_string(g.lanes) + " window " +
         std::to_string(g.window);
}

bool is_floating(Sample sample) { return sample == Sample::float32 || sample == Sample::float64; }

// Any bits for integers; for floats numbers of all sizes, some not finite.
void fill_randomly(std::vector<std::byte>& memory, Sample sample, Random& random) {
  const bool special = random.one_in(3);
  const auto draw = [&]<class T>(T) {
    if (special && random.one_in(50)) {
      using L = std::numeric_limits<T>;
      return random.pick<T>({L::quiet_NaN(), L::infinity(), -L::infinity(), L::max(), -T{0}});
    }
    return static_cast<T>(
        std::ldexp(random.uniform(-1, 1), static_cast<int>(random.between(0, 9))));
  };
  const std::size_t size = is_floating(sample) ? size_of_sample(sample) : 8;
  for (std::size_t place = 0; place + size <= memory.size(); place += size) {
    const std::uint64_t bits = random.one_in(4) ? 0 : random.bits();
    const float narrow = draw(0.0F);
    const double wide = draw(0.0);
    const void* drawn = &bits;
    if (sample == Sample::float32) drawn = &narrow;
    if (sample == Sample::float64) drawn = &wide;
    std::memcpy(memory.data() + place, drawn, size);
  }
}

// Slots whose rows lie in any order, with gaps, in memory that ends where they end.
class Image {
 public:
  Image(Sample sample, const Geometry& geometry, Random& random) {
    const auto size = static_cast<std::int64_t>(size_of_sample(sample));
    const std::int64_t row = (geometry.lanes + random.between(0, 3)) * size;
    for (std::int64_t k = 0; k < geometry.rows; ++k) offsets_.push_back(k * row);
    if (random.one_in(2)) std::ranges::reverse(offsets_);
    stride_ = geometry.rows * row;
    memory_.resize(static_cast<std::size_t>(geometry.slots * stride_));
    fill_randomly(memory_, sample, random);
    backwards_ = random.one_in(3);
    first_ = backwards_ ? (geometry.slots - 1) * stride_ : 0;
  }

  SlotRows slots(const Geometry& geometry, std::int64_t ahead) const {
    return {memory_.data() + first_,         offsets_,       geometry.slots,
            backwards_ ? -stride_ : stride_, geometry.lanes, ahead};
  }

 private:
  std::vector<std::byte> memory_;
  std::vector<std::int64_t> offsets_;
  std::int64_t stride_ = 0;
  std::int64_t first_ = 0;
  bool backwards_ = false;
};

// By groups of rows, windows and single merges, one slot after another.
void take_by_groups(Accumulator& accumulator, Lanes out, const SlotRows& slots, const Geometry& g) {
  for (std::int64_t slot = 0; slot < g.slots; ++slot) {
    const State taken(accumulator, g.lanes);
    RowGroup group;
    for (std::int64_t row = 0; row < g.rows; row += max_group) {
      group.count = static_cast<int>(std::min<std::int64_t>(max_group, g.rows - row));
      for (int k = 0; k < group.count; ++k) {
        group.samples[static_cast<std::size_t>(k)] =
            slots.first + slot * slots.stride + slots.offsets[static_cast<std::size_t>(row + k)];
      }
      accumulator.take(taken.lanes(), group, g.lanes, row);
    }
    const Lanes into = out.from(slot * g.outputs());
    const std::int64_t whole = g.lanes / g.window;
    if (g.window == 1) {
      accumulator.pick(into, taken.lanes(), 1, 1, g.lanes);
      continue;
    }
    const auto held = static_cast<double>(g.rows);
    accumulator.fold_adjacent(into, taken.lanes(), whole, g.window, held);
    if (whole == g.outputs()) continue;
    const Lanes last = into.from(whole);
    accumulator.pick(last, taken.lanes().from(whole * g.window), 1, 1, 1);
    for (std::int64_t lane = whole * g.window + 1; lane < g.lanes; ++lane) {
      const auto merged = static_cast<double>(lane - whole * g.window);
      accumulator.merge(last, last, taken.lanes().from(lane), 1, held * merged, held);
    }
  }
}

template <class T>
bool same_values(const T* a, const T* b, std::int64_t count) {
  return std::equal(a, a + count, b, [](T x, T y) {
    // Which NaN an operation hands on is left to the compiler by IEEE 754.
    return (x != x && y != y) || std::memcmp(&x, &y, sizeof(T)) == 0;
  });
}

bool same_states(const Accumulator& accumulator, bool floating, Lanes a, Lanes b,
                 std::int64_t lanes) {
  bool same = true;
  for (int row = 0; row < accumulator.rows(); ++row) {
    if (floating && accumulator.lane_size() == 4) {
      same &= same_values(a.row<float>(row), b.row<float>(row), lanes);
    } else if (floating) {
      same &= same_values(a.row<double>(row), b.row<double>(row), lanes);
    } else {
      const auto size = static_cast<std::int64_t>(accumulator.lane_size());
      same &= same_values(a.row<std::byte>(row), b.row<std::byte>(row), lanes * size);
    }
  }
  return same;
}

// The kinds of state that take whole slots.
constexpr StateKind slot_kinds[] = {StateKind::nonzero, StateKind::sum,  StateKind::min,
                                    StateKind::max,     StateKind::mean, StateKind::moments};

std::unique_ptr<Accumulator> make(const KernelSet& kernels, const StateRequest& request) {
  try {
    return kernels.make_accumulator(request);
  } catch (const std::logic_error&) {
    return nullptr;
  }
}

// Calls body(request) for each dense state that takes whole slots.
template <class Body>
int for_slot_takers(Body&& body) {
  int takers = 0;
  for (const StateKind kind : slot_kinds) {
    for (int sample = 0; sample <= static_cast<int>(Sample::float64); ++sample) {
      for (const double volume : {200.0, 60'000.0, 1e9}) {
        const StateRequest request{kind, static_cast<Sample>(sample), false, volume, false};
        const auto accumulator = make(*available_kernel_sets().front(), request);
        if (!accumulator || !accumulator->takes_slots(1)) continue;
        ++takers;
        body(request);
      }
    }
  }
  return takers;
}

Geometry random_geometry(Random& random) {
  const bool wide = random.one_in(6);
  return {wide ? random.between(1, 2) : random.between(1, 20), random.between(1, wide ? 9 : 20),
          wide ? random.between(2'000, 9'000) : random.between(1, 400),
          random.pick({1, 2, 2, 3, 4, 4, 5, 8, 8})};
}

void check_slots(const StateRequest& request, const Geometry& geometry, Random& random) {
  const Image image(request.sample, geometry, random);
  const bool counts = request.kind == StateKind::nonzero;
  for (const KernelSet* kernels : available_kernel_sets()) {
    const auto accumulator = kernels->make_accumulator(request);
    if (!accumulator->takes_slots(geometry.window)) continue;
    const std::int64_t lanes = geometry.slots * geometry.outputs();
    const State expected(*accumulator, lanes);
    const State found(*accumulator, lanes);
    take_by_groups(*accumulator, expected.lanes(), image.slots(geometry, 0), geometry);
    const std::int64_t ahead = random.pick<std::int64_t>({0, 64, 8'192, -8'192, 1 << 30});
    accumulator->take_slots(found.lanes(), image.slots(geometry, ahead), geometry.window);
    const bool floating = is_floating(request.sample) && !counts;
    CHECK(same_states(*accumulator, floating, found.lanes(), expected.lanes(), lanes),
          kernels->name, describe(request, geometry));
  }
}

}  // namespace

TEST(slots_of_all_states_take_the_windows_that_fold_at_once) {
  const int takers = for_slot_takers([](const StateRequest& request) {
    for (const KernelSet* kernels : available_kernel_sets()) {
      const auto accumulator = kernels->make_accumulator(request);
      for (int window = 2; window < 20; ++window) {
        CHECK_EQ(accumulator->takes_slots(window), accumulator->folds_adjacent(window), window);
      }
    }
  });
  // Sums of up to 32 bits and of floats, counts and extremes of all samples, means and moments.
  CHECK_EQ(takers, 3 * (8 + 10 + 10 + 10 + 1 + 2));
}

TEST(slots_give_the_bits_of_their_groups) {
  Random random(300);
  for_slot_takers([&](const StateRequest& request) {
    for (int k = 0; k < 12; ++k) check_slots(request, random_geometry(random), random);
  });
}

TEST(slots_of_masked_states_are_taken_by_groups) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (int kind = 0; kind < static_cast<int>(StateKind::gathered); ++kind) {
      for (const Sample sample : {Sample::int64, Sample::uint64, Sample::float64}) {
        const auto accumulator =
            make(*kernels, {static_cast<StateKind>(kind), sample, true, 100, false});
        CHECK(!accumulator || !accumulator->takes_slots(1), kind);
      }
    }
  }
}

TEST(blocks_of_many_short_slots_and_of_cut_windows) {
  Random random(301);
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (int code = 0; code <= static_cast<int>(DType::float64); ++code) {
      for (int k = 0; k < 6; ++k) {
        const std::int64_t last = random.pick<std::int64_t>({64, 96, 131, 700});
        const Extents shape = random.pick({extents({9, 22, last}), extents({41, last})});
        BlockCase c(Array(static_cast<DType>(code), shape, c_layout(shape.size())));
        fill_randomly(c.image, random, random.pick({Values::full, Values::small, Values::special}));
        for (const std::int64_t length : shape) {
          c.windows.push_back(tiles(length, random.pick<std::int64_t>({1, 2, 3, 4, 5, 6, 8, 16})));
        }
        c.kernels = kernels;
        c.workers = static_cast<int>(random.between(1, 2));
        c.add_output(Statistic::mean, c_layout(shape.size()));
        if (random.one_in(2)) c.add_output(Statistic::max, c_layout(shape.size()));
        if (random.one_in(2)) c.add_output(Statistic::density, c_layout(shape.size()));
        if (random.one_in(2)) c.add_output(Statistic::sum, c_layout(shape.size()));
        check_case(c);
      }
    }
  }
}

}  // namespace boxel::test
