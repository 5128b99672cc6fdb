// The registry, and which states a set of statistics needs.
#include "boxel/states.hpp"

#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "boxel/memory.hpp"
#include "boxel/registry.hpp"
#include "check.hpp"

namespace boxel::test {
namespace {

using Kinds = std::vector<StateKind>;

void check_states(const StatePlan& plan, Sample sample, const Kinds& kinds,
                  const std::vector<int>& state_of) {
  CHECK_EQ(plan.sample, sample);
  CHECK(plan.kinds == kinds, plan.kinds.size());
  CHECK(plan.state_of == state_of, plan.state_of.size());
}

}  // namespace

TEST(registry_is_in_the_order_of_its_enumeration) {
  std::set<std::string_view> names;
  for (std::size_t k = 0; k < statistics.size(); ++k) {
    CHECK_EQ(static_cast<std::size_t>(statistics[k].statistic), k, statistics[k].name);
    CHECK_EQ(info_of(statistics[k].statistic).name, statistics[k].name);
    names.insert(statistics[k].name);
  }
  CHECK_EQ(names.size(), statistics.size());
}

TEST(result_dtypes) {
  CHECK_EQ(result_dtype(Statistic::sum, DType::boolean, false), DType::int64);
  CHECK_EQ(result_dtype(Statistic::sum, DType::int8, false), DType::int64);
  CHECK_EQ(result_dtype(Statistic::sum, DType::uint32, false), DType::uint64);
  CHECK_EQ(result_dtype(Statistic::sum, DType::uint32, true), DType::float64);
  CHECK_EQ(result_dtype(Statistic::sum, DType::float16, false), DType::float32);
  CHECK_EQ(result_dtype(Statistic::mean, DType::uint8, false), DType::float64);
  CHECK_EQ(result_dtype(Statistic::var, DType::float32, false), DType::float32);
  CHECK_EQ(result_dtype(Statistic::std, DType::float64, true), DType::float64);
  CHECK_EQ(result_dtype(Statistic::median, DType::float16, false), DType::float16);
  CHECK_EQ(result_dtype(Statistic::min, DType::boolean, false), DType::boolean);
  CHECK_EQ(result_dtype(Statistic::count, DType::float32, true), DType::int64);
  CHECK_EQ(result_dtype(Statistic::any, DType::float32, false), DType::boolean);
}

TEST(states_are_shared) {
  check_states(plan_states({Statistic::sum, Statistic::mean}, DType::uint8, false, false),
               Sample::uint8, {StateKind::sum}, {0, 0});
  check_states(
      plan_states({Statistic::mean, Statistic::var, Statistic::std}, DType::float64, false, false),
      Sample::float64, {StateKind::moments}, {0, 0, 0});
  check_states(
      plan_states({Statistic::any, Statistic::min, Statistic::all}, DType::int16, false, false),
      Sample::int16, {StateKind::nonzero, StateKind::min}, {0, 1, 0});
}

TEST(states_count_only_masked_samples) {
  check_states(plan_states({Statistic::count}, DType::int16, false, false), Sample::int16, {},
               {-1});
  check_states(plan_states({Statistic::max, Statistic::count}, DType::int16, true, false),
               Sample::int64, {StateKind::count, StateKind::max}, {1, 0});
  check_states(plan_states({Statistic::mean}, DType::float16, true, true), Sample::float64,
               {StateKind::count, StateKind::weighted}, {1});
}

TEST(states_of_variances_suit_their_samples) {
  for (const double sliding : {0.0, 729.0}) {
    check_states(plan_states({Statistic::var}, DType::int32, false, false, sliding), Sample::int32,
                 {StateKind::squares}, {0});
    check_states(plan_states({Statistic::std}, DType::uint64, false, false, sliding),
                 Sample::uint64, {StateKind::wide_squares}, {0});
    check_states(plan_states({Statistic::var}, DType::float64, false, false, sliding),
                 Sample::float64, {StateKind::moments}, {0});
    check_states(plan_states({Statistic::var}, DType::float32, true, false, sliding),
                 Sample::float64, {StateKind::count, StateKind::moments}, {1});
  }
  check_states(plan_states({Statistic::var}, DType::float32, false, false), Sample::float32,
               {StateKind::moments}, {0});
  // Means of float32 samples come from sums, which narrow moments need not share.
  check_states(plan_states({Statistic::mean, Statistic::std, Statistic::var}, DType::float16, false,
                           false, 729),
               Sample::float32, {StateKind::sum, StateKind::float_squares}, {0, 1, 1});
  // Boxes of more samples than sums of squares are proved for.
  check_states(plan_states({Statistic::var}, DType::float32, false, false, 0x1p27), Sample::float32,
               {StateKind::moments}, {0});
  check_states(plan_states({Statistic::var}, DType::uint8, false, false, 0x1p32), Sample::uint8,
               {StateKind::squares}, {0});
}

TEST(short_integers_have_short_squares_only_where_boxes_slide) {
  for (const DType dtype : {DType::int8, DType::uint8, DType::int16, DType::uint16}) {
    const Sample sample = dense_sample(dtype);
    check_states(plan_states({Statistic::var}, dtype, false, false, 729), sample,
                 {StateKind::short_squares}, {0});
    check_states(plan_states({Statistic::var}, dtype, false, false), sample, {StateKind::squares},
                 {0});
  }
  check_states(plan_states({Statistic::std}, DType::boolean, false, false, 729), Sample::uint8,
               {StateKind::short_squares}, {0});
  check_states(plan_states({Statistic::var}, DType::uint8, true, false, 729), Sample::uint64,
               {StateKind::count, StateKind::squares}, {1});
}

TEST(sums_and_means_of_sliding_float64_share_a_state) {
  check_states(plan_states({Statistic::mean, Statistic::sum, Statistic::var}, DType::float64, false,
                           false, 729),
               Sample::float64, {StateKind::float_sums, StateKind::moments}, {0, 0, 1});
  check_states(plan_states({Statistic::mean, Statistic::sum}, DType::float64, true, false, 729),
               Sample::float64, {StateKind::count, StateKind::mean, StateKind::sum}, {1, 2});
}

TEST(buffers_are_aligned_and_grow) {
  Buffer buffer;
  CHECK_EQ(buffer.capacity(), 0);
  buffer.reserve(100);
  CHECK_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % cache_line, 0);
  std::byte* before = buffer.data();
  buffer.reserve(50);
  CHECK_EQ(buffer.data(), before);
  buffer.reserve(1000);
  CHECK(buffer.capacity() >= 1000);
}

}  // namespace boxel::test
