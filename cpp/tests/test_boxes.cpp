// filter_boxes from end to end against the definitions of the statistics.
#include "boxel/boxes.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "box_case.hpp"
#include "check.hpp"
#include "random_cases.hpp"

namespace boxel::test {
namespace {

void check_random_cases(std::uint64_t seed, int rounds, const std::vector<Extents>& shapes,
                        std::int64_t most_samples) {
  Random random(seed);
  for (int round = 0; round < rounds; ++round) {
    const DType dtype =
        random.one_in(4) ? static_cast<DType>(random.between(0, static_cast<int>(DType::float64)))
                         : random.pick(usual);
    BoxCase c = random_box_case(random, random.pick(shapes), dtype);
    c.boxes = random_boxes(random, c.image.shape(), most_samples);
    add_outputs(c, random, random_statistics(random, random.one_in(2) ? common : monoids));
    check_case(c);
  }
}

// One image in C order, the same box along all axes.
BoxCase plain_case(DType dtype, const Extents& shape, std::int64_t size, Border border,
                   Statistic statistic) {
  BoxCase c(Array(dtype, shape, c_layout(shape.size())));
  for (const std::int64_t length : shape) c.boxes.push_back(box_of(length, size, 1, border));
  c.kernels = available_kernel_sets().back();
  c.add_output(statistic, c_layout(shape.size()));
  return c;
}

void set_all(Array& array, Number number) {
  for (Index index(array.shape()); index.valid(); index.next()) array.set(index.at(), number);
}

}  // namespace

TEST(boxes_of_lines) {
  check_random_cases(1, 400,
                     {extents({1}), extents({2}), extents({3}), extents({7}), extents({40}),
                      extents({130}), extents({300})},
                     20'000);
}

TEST(boxes_of_images) {
  check_random_cases(2, 300,
                     {extents({5, 9}), extents({3, 80}), extents({17, 70}), extents({130, 6}),
                      extents({1, 66}), extents({66, 1})},
                     40'000);
}

TEST(boxes_of_volumes) {
  check_random_cases(
      3, 200, {extents({4, 3, 70}), extents({3, 4, 5}), extents({9, 7, 66}), extents({2, 65, 3})},
      60'000);
}

TEST(boxes_of_four_axes) {
  check_random_cases(4, 200,
                     {extents({3, 2, 4, 5}), extents({3, 4, 2, 65}), extents({5, 1, 3, 68}),
                      extents({2, 3, 66, 2})},
                     60'000);
}

// Every size along a row, and along an axis that is slid along.
TEST(boxes_of_every_size_at_every_border) {
  Random random(5);
  for (const DType dtype : usual) {
    for (const BorderInfo& info : borders) {
      for (std::int64_t size = 1; size <= 2 * 9 + 3; ++size) {
        for (const int axis : {0, 1}) {
          const Extents shape = axis == 0 ? extents({9, 65}) : extents({2, 9});
          if (info.border == Border::valid && size > 9) continue;
          BoxCase c(Array(dtype, shape, c_layout(2)));
          fill_randomly(c.image, random, Values::small);
          c.kernels = available_kernel_sets().back();
          c.boxes.assign(2, boxel::Box{});
          c.boxes[static_cast<std::size_t>(1 - axis)].outputs = shape[1 - axis];
          c.boxes[static_cast<std::size_t>(axis)] =
              box_of(9, size, random.between(1, 3), info.border);
          c.cval = is_floating(dtype) ? Number{0, -2} : number_of(1);
          for (const Statistic statistic : common) c.add_output(statistic, c_layout(2));
          check_case(c);
        }
      }
    }
  }
}

TEST(boxes_do_not_depend_on_workers_and_kernel_sets) {
  Random random(6);
  for (const Extents& shape : {extents({1500, 701}), extents({40, 150, 181}), extents({1'100'003}),
                               extents({6, 700, 7, 40})}) {
    for (const DType dtype : {DType::uint16, DType::int64, DType::float32, DType::float64}) {
      BoxCase c(Array(dtype, shape, c_layout(shape.size())));
      for (Index index(shape); index.valid(); index.next()) {
        const std::int64_t integer = random.between(0, 1000);
        c.image.set(index.at(),
                    is_floating(dtype) ? Number{0, random.uniform(-1, 1)} : number_of(integer));
      }
      if (random.one_in(2)) c.where = random_truth(random, shape, 3);
      c.boxes = random_boxes(random, shape, 500 * product(shape));
      for (const Statistic statistic : {Statistic::sum, Statistic::max, Statistic::var}) {
        c.add_output(statistic, c_layout(shape.size()));
      }
      c.kernels = available_kernel_sets().front();
      filter_boxes(c.request());
      const std::string expected = bits_of(c.outputs);
      c.kernels = available_kernel_sets().back();
      for (const int workers : {1, 3}) {
        c.workers = workers;
        filter_boxes(c.request());
        CHECK(bits_of(c.outputs) == expected, c.description());
      }
    }
  }
}

TEST(boxes_of_large_images_by_several_workers) {
  Random random(7);
  for (const Border border : {Border::reflect, Border::wrap, Border::shrink}) {
    BoxCase c(Array(DType::float32, extents({900, 700}), c_layout(2)));
    fill_randomly(c.image, random, Values::full);
    c.boxes = {box_of(900, 11, 9, border), box_of(700, 8, 5, border)};
    for (const Statistic statistic : common) c.add_output(statistic, c_layout(2));
    c.kernels = available_kernel_sets().back();
    c.workers = 3;
    check_case(c);
  }
}

TEST(boxes_constants_have_exact_means_and_no_variance) {
  for (const DType dtype : {DType::int64, DType::uint16, DType::float32, DType::float64}) {
    for (const BorderInfo& info : borders) {
      if (info.border == Border::constant) continue;
      BoxCase c = plain_case(dtype, extents({12, 90}), 7, info.border, Statistic::mean);
      c.add_output(Statistic::var, c_layout(2));
      const Number number = is_floating(dtype) ? Number{0, 1e9 + 64} : number_of(60'001);
      set_all(c.image, number);
      filter_boxes(c.request());
      for (Index at(c.output_shape()); at.valid(); at.next()) {
        CHECK_EQ(c.outputs[0].array.get(at.at()).real, number.real, c.description());
        CHECK_EQ(c.outputs[1].array.get(at.at()).real, 0.0, c.description());
      }
    }
  }
}

TEST(boxes_keep_nan_and_infinities_to_themselves) {
  for (const double special : {NAN, INFINITY, -INFINITY}) {
    for (const DType dtype : {DType::float32, DType::float64}) {
      for (const Statistic statistic : common) {
        for (const double other : {0.0, 1.0}) {
          BoxCase c = plain_case(dtype, extents({23, 90}), 6, Border::nearest, statistic);
          set_all(c.image, {0, other});
          c.image.set(extents({11, 41}), {0, special});
          check_case(c);
        }
      }
    }
  }
}

// Sums that are exact may be differences; these are not, and their last digits would tell.
TEST(boxes_give_up_no_samples_where_that_is_not_exact) {
  for (const DType dtype : {DType::float32, DType::float64}) {
    for (const std::int64_t size : {3, 6, 8, 17}) {
      BoxCase c = plain_case(dtype, extents({40, 90}), size, Border::reflect, Statistic::sum);
      set_all(c.image, {0, 0x1p-30});
      c.image.set(extents({3, 5}), {0, 0x1p60});
      c.image.set(extents({30, 70}), {0, 0.1});
      check_case(c);
    }
  }
}

// Prefix sums along the row pass the range of lanes that hold no more than a box.
TEST(boxes_of_narrow_lanes_in_long_rows) {
  for (const DType dtype : {DType::int8, DType::uint8, DType::int16, DType::uint16, DType::int32}) {
    visit(dtype, [&]<class T>(std::type_identity<T>) {
      if constexpr (std::is_integral_v<T> && sizeof(T) < 8) {
        BoxCase c(Array(dtype, extents({66, 3000}), c_layout(2)));
        const T extreme =
            std::is_signed_v<T> ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
        set_all(c.image, number_of(extreme));
        c.boxes = {box_of(66, 64, 1, Border::valid), box_of(3000, 64, 1, Border::valid)};
        c.kernels = available_kernel_sets().back();
        c.add_output(Statistic::sum, c_layout(2));
        c.add_output(Statistic::mean, dtype, c_layout(2));
        c.add_output(Statistic::count_nonzero, c_layout(2));
        filter_boxes(c.request());
        for (Index at(c.output_shape()); at.valid(); at.next()) {
          const auto found = static_cast<std::int64_t>(c.outputs[0].array.get(at.at()).integer);
          CHECK_EQ(found, static_cast<std::int64_t>(extreme) * 64 * 64, c.description());
          CHECK_EQ(static_cast<std::int64_t>(c.outputs[1].array.get(at.at()).integer),
                   static_cast<std::int64_t>(extreme), c.description());
          CHECK_EQ(static_cast<std::int64_t>(c.outputs[2].array.get(at.at()).integer), 64 * 64,
                   c.description());
        }
      }
    });
  }
}

TEST(boxes_of_extreme_64_bit_integers) {
  for (const DType dtype : {DType::int64, DType::uint64}) {
    for (const std::int64_t size : {3, 7}) {
      BoxCase c = plain_case(dtype, extents({9, 90}), size, Border::mirror, Statistic::sum);
      for (const Statistic statistic : {Statistic::mean, Statistic::var, Statistic::max}) {
        c.add_output(statistic, c_layout(2));
      }
      const Int128 largest =
          dtype == DType::int64 ? Int128{INT64_MAX} : static_cast<Int128>(UINT64_MAX);
      const Int128 least = dtype == DType::int64 ? Int128{INT64_MIN} : Int128{0};
      Random random(8);
      for (Index index(c.image.shape()); index.valid(); index.next()) {
        const Int128 sample = random.one_in(2) ? largest : least;
        c.image.set(index.at(), {sample, static_cast<double>(sample)});
      }
      check_case(c);
    }
  }
}

TEST(boxes_of_nothing_touch_nothing) {
  BoxCase none = plain_case(DType::uint8, extents({0, 5}), 1, Border::reflect, Statistic::sum);
  filter_boxes(none.request());
  BoxCase large = plain_case(DType::uint8, extents({4, 5}), 5, Border::valid, Statistic::sum);
  CHECK_EQ(large.output_shape()[0], 0);
  filter_boxes(large.request());
  CHECK(large.outputs[0].array.gaps_untouched());
}

TEST(boxes_without_a_value_or_a_fill_are_errors) {
  BoxCase c = plain_case(DType::int16, extents({5, 90}), 3, Border::shrink, Statistic::max);
  set_all(c.image, number_of(3));
  c.min_count = 7;
  BoxRequest request = c.request();
  request.outputs[0].has_fill = false;
  CHECK_THROWS(filter_boxes(request), MissingValue, "statistic 'max'");
  request.min_count = 4;
  filter_boxes(request);
  check_case(c);
}

TEST(missing_boxes_of_any_worker_arrive) {
  BoxCase c = plain_case(DType::int32, extents({900, 800}), 3, Border::reflect, Statistic::min);
  set_all(c.image, number_of(3));
  c.where = Array(DType::boolean, extents({900, 800}), c_layout(2));
  set_all(*c.where, number_of(1));
  for (std::int64_t row = 700; row < 703; ++row) {
    for (std::int64_t k = 400; k < 403; ++k) c.where->set(extents({row, k}), number_of(0));
  }
  c.workers = 3;
  BoxRequest request = c.request();
  request.outputs[0].has_fill = false;
  CHECK_THROWS(filter_boxes(request), MissingValue, "int32");
}

TEST(boxes_stop_when_the_poll_throws) {
  for (const int workers : {1, 3}) {
    BoxCase c =
        plain_case(DType::float32, extents({1000, 900}), 9, Border::reflect, Statistic::mean);
    set_all(c.image, {0, 1});
    c.workers = workers;
    BoxRequest request = c.request();
    int polls = 0;
    bool stopped = false;
    request.poll = [&] {
      if (++polls == 3) throw std::runtime_error("stopped by the poll");
    };
    // The other workers may be done before the caller, who alone polls, has begun.
    for (int round = 0; round < 100 && polls == 0; ++round) {
      try {
        filter_boxes(request);
      } catch (const std::runtime_error&) {
        stopped = true;
      }
    }
    CHECK(stopped, workers);
    CHECK_EQ(polls, 3, workers);
  }
}

}  // namespace boxel::test
