// What lies beyond a border, and the proof that sums of floats are exact.
#include "boxel/border.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "box_case.hpp"
#include "boxel/kernel_set.hpp"
#include "check.hpp"

namespace boxel::test {
namespace {

std::vector<std::int64_t> sources(std::int64_t first, std::int64_t last, Border border) {
  std::vector<std::int64_t> result;
  for (std::int64_t k = first; k <= last; ++k) result.push_back(source_of(k, 4, border));
  return result;
}

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

template <class T>
Grid surveyed(const KernelSet& kernels, const std::vector<T>& samples) {
  Grid grid;
  kernels.survey(grid, sizeof(T) == 4 ? Sample::float32 : Sample::float64, samples.data(),
                 static_cast<std::int64_t>(samples.size()));
  return grid;
}

// In every place of a row so long that vectors and what is left over both meet it.
template <class T>
void check_survey(const std::vector<T>& samples, double largest, double finest) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (std::size_t shift = 0; shift < 37; ++shift) {
      std::vector<T> row(40, T{0});
      for (std::size_t k = 0; k < samples.size(); ++k) row[(k + shift) % row.size()] = samples[k];
      const Grid grid = surveyed(*kernels, row);
      CHECK_EQ(grid.largest, largest, kernels->name, shift);
      CHECK_EQ(grid.finest, finest, kernels->name, shift);
    }
  }
}

// The lowest bit of a finite float by halving; zero has none.
double lowest_bit(double x) {
  if (x == 0) return infinity;
  int exponent = 0;
  double fraction = std::frexp(std::fabs(x), &exponent);
  while (fraction != std::floor(fraction)) fraction *= 2, --exponent;
  while (std::fmod(fraction, 2.0) == 0) fraction /= 2, ++exponent;
  return std::ldexp(1.0, exponent);
}

template <class T, class Bits>
void check_random_surveys() {
  Random random(5);
  for (int round = 0; round < 300; ++round) {
    std::vector<T> samples;
    double largest = 0;
    double finest = infinity;
    for (std::int64_t k = random.between(1, 70); k > 0; --k) {
      const auto bits = static_cast<Bits>(random.bits());
      // Shifted, so that short mantissas come up, and subnormals.
      const auto sample = std::bit_cast<T>(static_cast<Bits>(
          static_cast<Bits>(bits >> random.between(0, 3)) & (~Bits{0} << random.between(0, 30))));
      if (!std::isfinite(sample)) continue;
      samples.push_back(sample);
      largest = std::max(largest, std::fabs(static_cast<double>(sample)));
      finest = std::min(finest, lowest_bit(sample));
    }
    for (const KernelSet* kernels : available_kernel_sets()) {
      const Grid grid = surveyed(*kernels, samples);
      CHECK_EQ(grid.largest, largest, kernels->name, round);
      CHECK_EQ(grid.finest, finest, kernels->name, round);
    }
  }
}

// Short mantissas near 1, as most rows hold after the first, and now and then what lies elsewhere.
template <class T>
T sample_near_one(Random& random) {
  const auto near = static_cast<T>(std::ldexp(static_cast<double>(random.between(-255, 255)),
                                              -static_cast<int>(random.between(4, 10))));
  if (random.between(0, 60)) return near;
  using Limits = std::numeric_limits<T>;
  const std::vector<T> others{T{-0.0},
                              T{0},
                              Limits::denorm_min(),
                              Limits::min(),
                              Limits::max(),
                              T{1} / T{3},
                              Limits::infinity(),
                              T{1 << 20},
                              Limits::epsilon(),
                              -T{1} / T{65536},
                              Limits::quiet_NaN()};
  return others[static_cast<std::size_t>(
      random.between(0, static_cast<std::int64_t>(others.size()) - 1))];
}

// Where the grid of the rows before is known, most rows are only looked at for whether they lie on
// it; a grid that knows nothing finds that of all rows by itself.
template <class T>
void check_surveys_in_turn() {
  Random random(6);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::vector<T>> rows(static_cast<std::size_t>(random.between(1, 6)));
    std::vector<T> all;
    for (std::vector<T>& row : rows) {
      for (std::int64_t k = random.between(1, 40); k > 0; --k) {
        row.push_back(sample_near_one<T>(random));
      }
      all.insert(all.end(), row.begin(), row.end());
    }
    for (const KernelSet* kernels : available_kernel_sets()) {
      Grid grid;
      for (const std::vector<T>& row : rows) {
        kernels->survey(grid, sizeof(T) == 4 ? Sample::float32 : Sample::float64, row.data(),
                        static_cast<std::int64_t>(row.size()));
      }
      const Grid expected = surveyed(*kernels, all);
      CHECK_EQ(grid.largest, expected.largest, kernels->name, round);
      CHECK_EQ(grid.finest, expected.finest, kernels->name, round);
    }
  }
}

}  // namespace

TEST(borders_by_hand) {
  using Places = std::vector<std::int64_t>;
  CHECK(sources(-5, 9, Border::reflect) == Places({3, 3, 2, 1, 0, 0, 1, 2, 3, 3, 2, 1, 0, 0, 1}));
  CHECK(sources(-5, 9, Border::mirror) == Places({1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3}));
  CHECK(sources(-5, 9, Border::nearest) == Places({0, 0, 0, 0, 0, 0, 1, 2, 3, 3, 3, 3, 3, 3, 3}));
  CHECK(sources(-5, 9, Border::wrap) == Places({3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1}));
  for (const Border border : {Border::constant, Border::shrink, Border::valid}) {
    CHECK(sources(-2, 5, border) == Places({beyond, beyond, 0, 1, 2, 3, beyond, beyond}));
  }
}

TEST(borders_are_where_one_gets_by_walking) {
  for (const BorderInfo& info : borders) {
    for (std::int64_t length = 1; length <= 7; ++length) {
      for (std::int64_t position = -40; position <= 40; ++position) {
        const std::int64_t expected = position >= 0 && position < length
                                          ? position
                                          : walked_source(position, length, info.border);
        CHECK_EQ(source_of(position, length, info.border), expected, info.name, length, position);
      }
    }
  }
}

TEST(borders_are_in_the_order_of_their_enumeration) {
  for (std::size_t k = 0; k < borders.size(); ++k) {
    CHECK_EQ(static_cast<std::size_t>(borders[k].border), k, borders[k].name);
  }
}

TEST(survey_by_hand) {
  check_survey<double>({}, 0, infinity);
  check_survey<double>({-0.0, 0.0}, 0, infinity);
  check_survey<double>({1}, 1, 1);
  check_survey<double>({-8, 4}, 8, 4);
  check_survey<double>({3, -6}, 6, 1);
  check_survey<double>({0.1}, 0.1, 0x1p-55);
  check_survey<double>({0x1p-1074}, 0x1p-1074, 0x1p-1074);
  check_survey<double>({-0x3p-1074, 0x1p-1070}, 0x1p-1070, 0x1p-1074);
  check_survey<double>({0x1p-1022}, 0x1p-1022, 0x1p-1022);
  check_survey<double>({0x1p1023}, 0x1p1023, 0x1p1023);
  check_survey<float>({}, 0, infinity);
  check_survey<float>({1, 0.75F}, 1, 0.25);
  check_survey<float>({0x1p-149F, -0x1p-126F}, 0x1p-126, 0x1p-149);
  check_survey<float>({0x1.8p127F}, 0x1.8p127, 0x1p126);
}

TEST(survey_of_random_bits) {
  check_random_surveys<float, std::uint32_t>();
  check_random_surveys<double, std::uint64_t>();
}

TEST(surveys_in_turn) {
  check_surveys_in_turn<float>();
  check_surveys_in_turn<double>();
}

TEST(surveys_widen_a_grid) {
  const std::vector<float> floats{2, 12};
  const std::vector<float> zeros{0, 0};
  for (const KernelSet* kernels : available_kernel_sets()) {
    Grid grid{5, 0.5};
    for (const auto& row : {floats, zeros}) {
      kernels->survey(grid, Sample::float32, row.data(), 2);
      CHECK_EQ(grid.largest, 12, kernels->name);
      CHECK_EQ(grid.finest, 0.5, kernels->name);
      CHECK(!grid.negative, kernels->name);
    }
  }
}

TEST(surveys_see_signs) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const std::int64_t lanes : {1, 5, 40}) {
      for (std::int64_t place = 0; place < lanes; ++place) {
        std::vector<float> row(static_cast<std::size_t>(lanes), 2);
        Grid grid = surveyed(*kernels, row);
        CHECK(!grid.negative, kernels->name, lanes);
        row[static_cast<std::size_t>(place)] = -1;
        kernels->survey(grid, Sample::float32, row.data(), lanes);
        CHECK(grid.negative, kernels->name, lanes, place);
        row[static_cast<std::size_t>(place)] = 1;
        kernels->survey(grid, Sample::float32, row.data(), lanes);
        CHECK(grid.negative, kernels->name, lanes, place);
      }
    }
  }
}

TEST(grids_of_what_is_not_finite_are_never_exact) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const double special : {not_a_number, -not_a_number, infinity, -infinity}) {
      for (const double other : {0.0, 1.0, 0x1p-1074}) {
        for (std::size_t place = 0; place < 40; ++place) {
          std::vector<double> doubles(40, other);
          std::vector<float> floats(40, static_cast<float>(other));
          doubles[place] = special;
          floats[place] = static_cast<float>(special);
          for (const double samples : {0.0, 1.0, 9.0}) {
            CHECK(!surveyed(*kernels, doubles).exact(samples), kernels->name, special, other);
            CHECK(!surveyed(*kernels, floats).exact(samples), kernels->name, special, other);
          }
        }
      }
    }
  }
}

TEST(grids_tell_where_sums_are_exact) {
  CHECK(Grid{}.exact(1e18));  // zeros only
  CHECK((Grid{1, 1}.exact(0x1p52)));
  CHECK((!Grid{1, 1}.exact(0x1p54)));
  CHECK((Grid{255, 1}.exact(1e12)));
  CHECK((!Grid{0.1, 0x1p-55}.exact(9)));
  CHECK((Grid{0x1p-1074, 0x1p-1074}.exact(0x1p40)));
  CHECK((Grid{0x1p1000, 0x1p1000}.exact(1000)));
  CHECK((!Grid{0x1p1023, 0x1p1023}.exact(2)));
  // Three samples of this odd integer make 2^53 + 1.
  CHECK((!Grid{3002399751580331.0, 1}.exact(3)));
}

}  // namespace boxel::test
