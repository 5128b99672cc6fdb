// Sums in units against plain loops, under every kernel set.
#include "boxel/unit_sums.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

const std::vector<std::int64_t> lengths{0, 1, 7, 8, 31, 128, 131, 300};

Units eighths() { return Units::of({1000, 0.125, true}, 9, 729).value(); }

std::vector<float> draw(Random& random, std::int64_t lanes) {
  std::vector<float> samples;
  for (std::int64_t l = 0; l < lanes; ++l) {
    samples.push_back(random.one_in(9) ? -0.0F
                                       : static_cast<float>(random.between(-8000, 8000)) / 8);
  }
  return samples;
}

std::vector<std::int32_t> draw_sums(Random& random, std::int64_t lanes) {
  std::vector<std::int32_t> sums;
  for (std::int64_t l = 0; l < lanes; ++l) {
    sums.push_back(static_cast<std::int32_t>(random.between(1 - (1 << 30), (1 << 30) - 1)));
  }
  return sums;
}

std::int32_t in_eighths(float sample) { return static_cast<std::int32_t>(sample * 8); }

template <class Body>
void for_kernels_and_lengths(Body body) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    Random random(5);
    for (const std::int64_t lanes : lengths) body(kernels->unit_sums, random, lanes);
  }
}

}  // namespace

TEST(units_fit_32_bits_and_float64) {
  // 2^24 - 1 of 128 samples fits, that of 129 does not.
  const Grid random_floats{1 - 0x1p-24, 0x1p-24};
  CHECK(Units::of(random_floats, 128, 128).has_value());
  CHECK(!Units::of(random_floats, 129, 129).has_value());
  // Differences of sums with signs need a bit more.
  const Grid signed_floats{1 - 0x1p-24, 0x1p-24, true};
  CHECK(Units::of(signed_floats, 64, 64).has_value());
  CHECK(!Units::of(signed_floats, 65, 65).has_value());
  CHECK(Units::of(random_floats, 5, 0x1p28).has_value());
  CHECK(!Units::of(random_floats, 5, 0x1p29).has_value());
  const Units units = Units::of(random_floats, 31, 31 * 31 * 31).value();
  CHECK_EQ(units.unit, 0x1p-24);
  CHECK_EQ(units.scale, 0x1p24F);
  CHECK_EQ(units.least, 0.0F);
  CHECK(static_cast<double>(units.most) * 31 < 0x1p31);
  CHECK(static_cast<double>(std::nextafter(units.most, 0x1p31F)) * 31 >= 0x1p31);
  const Units both = Units::of(signed_floats, 31, 31 * 31 * 31).value();
  CHECK_EQ(both.least, -both.most);
  CHECK(static_cast<double>(both.most) * 31 < 0x1p30);
  // Even numbers, and an image that is empty so far.
  CHECK_EQ(Units::of({512, 2}, 5, 25).value().unit, 1.0);
  CHECK_EQ(Units::of({}, 5, 25).value().unit, 1.0);
  const double infinite = std::numeric_limits<double>::infinity();
  CHECK(!Units::of({infinite, 1}, 5, 25).has_value());
  CHECK(!Units::of({0x1p-130, 0x1p-149}, 5, 25).has_value());
  CHECK(!Units::of({1, 1}, 0x1p31, 0x1p31).has_value());
}

TEST(unit_sums_take_rows) {
  for_kernels_and_lengths([](const UnitSums& kernels, Random& random, std::int64_t lanes) {
    std::vector<std::int32_t> sums(static_cast<std::size_t>(lanes), 77);
    std::vector<std::int32_t> expected(sums.size(), 0);
    std::int64_t taken = 0;
    for (const int count : {3, 8, 1, 6}) {
      std::vector<std::vector<float>> rows;
      RowGroup group;
      group.count = count;
      for (int k = 0; k < count; ++k) rows.push_back(draw(random, lanes));
      for (std::size_t k = 0; k < rows.size(); ++k) {
        group.samples[k] = rows[k].data();
        for (std::size_t l = 0; l < sums.size(); ++l) expected[l] += in_eighths(rows[k][l]);
      }
      const int times = count % 2 + 1;
      CHECK(kernels.take(eighths(), sums.data(), group, lanes, taken, times), lanes);
      for (std::size_t l = 0; times == 2 && l < sums.size(); ++l) {
        for (const std::vector<float>& row : rows) expected[l] += in_eighths(row[l]);
      }
      taken += count;
    }
    CHECK(sums == expected, lanes);
  });
}

TEST(unit_sums_exchange_rows) {
  for_kernels_and_lengths([](const UnitSums& kernels, Random& random, std::int64_t lanes) {
    const std::vector<float> added = draw(random, lanes);
    const std::vector<float> removed = draw(random, lanes);
    std::vector<std::int32_t> sums(added.size(), 5);
    const bool fits =
        kernels.exchange(eighths(), sums.data(), added.data(), removed.data(), lanes, 64);
    CHECK(fits, lanes);
    for (std::size_t l = 0; l < sums.size(); ++l) {
      CHECK_EQ(sums[l], 5 + in_eighths(added[l]) - in_eighths(removed[l]), l);
    }
  });
}

TEST(unit_sums_refuse_signs_where_there_were_none) {
  const Units units = Units::of({1000, 0.125}, 9, 729).value();
  for_kernels_and_lengths([&](const UnitSums& kernels, Random&, std::int64_t lanes) {
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      std::vector<float> added(static_cast<std::size_t>(lanes), -0.0F);
      const std::vector<float> removed = added;
      std::vector<std::int32_t> sums(added.size());
      CHECK(kernels.exchange(units, sums.data(), added.data(), removed.data(), lanes, 0), lanes);
      added[static_cast<std::size_t>(lane)] = -0.125F;
      CHECK(!kernels.exchange(units, sums.data(), added.data(), removed.data(), lanes, 0), lane);
    }
  });
}

TEST(unit_sums_refuse_samples_that_do_not_fit) {
  using L = std::numeric_limits<float>;
  const Units units = eighths();
  const float most = units.most / 8;
  for_kernels_and_lengths([&](const UnitSums& kernels, Random& random, std::int64_t lanes) {
    const auto fits = [&](float sample, std::int64_t lane) {
      std::vector<float> added = draw(random, lanes);
      const std::vector<float> removed = added;
      added[static_cast<std::size_t>(lane)] = sample;
      std::vector<std::int32_t> sums(added.size());
      const bool exchanges =
          kernels.exchange(units, sums.data(), added.data(), removed.data(), lanes, 0);
      // In any row of a group.
      RowGroup group;
      group.count = 8;
      group.samples.fill(removed.data());
      group.samples[static_cast<std::size_t>(lane) % 8] = added.data();
      CHECK_EQ(kernels.take(units, sums.data(), group, lanes, lane % 2, 1), exchanges, sample,
               lane);
      return exchanges;
    };
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      for (const float sample : {most, -most, 0.0F, -0.0F, 0.125F}) {
        CHECK(fits(sample, lane), sample, lane);
      }
      const float above = std::nextafter(most, L::infinity());
      for (const float sample :
           {0.0625F, 1.0F + L::epsilon(), above, -above, 2 * most, 0x1p28F, -0x1p28F, 0x1p29F,
            -0x1p40F, L::max(), L::lowest(), L::min(), L::denorm_min(), -L::denorm_min(),
            L::infinity(), -L::infinity(), L::quiet_NaN()}) {
        CHECK(!fits(sample, lane), sample, lane);
      }
    }
  });
}

TEST(unit_sums_are_taken_and_exchanged_in_float64) {
  for_kernels_and_lengths([](const UnitSums& kernels, Random& random, std::int64_t lanes) {
    std::vector<std::vector<std::int32_t>> rows;
    std::vector<double> sums(static_cast<std::size_t>(lanes), 77);
    std::vector<double> expected(sums.size(), 0);
    for (const int count : {5, 8, 2}) {
      const auto taken = static_cast<std::int64_t>(rows.size());
      const int times = count % 2 + 1;
      RowGroup group;
      group.count = count;
      for (int k = 0; k < count; ++k) {
        rows.push_back(draw_sums(random, lanes));
        group.samples[static_cast<std::size_t>(k)] = rows.back().data();
        for (std::size_t l = 0; l < sums.size(); ++l) expected[l] += times * (rows.back()[l] / 8.0);
      }
      kernels.take_sums(eighths(), sums.data(), group, lanes, taken, times);
    }
    CHECK(sums == expected, lanes);
    const std::vector<std::int32_t>& a = rows[0];
    const std::vector<std::int32_t>& b = rows[1];
    std::vector<double> later(a.size());
    kernels.exchange_sums(eighths(), later.data(), sums.data(), b.data(), a.data(), lanes);
    for (std::size_t l = 0; l < sums.size(); ++l) {
      CHECK_EQ(later[l], sums[l] + (b[l] - a[l]) / 8.0, l);
    }
    kernels.exchange_sums(eighths(), later.data(), later.data(), a.data(), b.data(), lanes);
    CHECK(later == sums, lanes);
  });
}

namespace {

constexpr std::int64_t left = 14;

// Mirrored, repeated and in order, as rows are extended, where there are lanes enough.
std::vector<LaneCopy> copies_of(std::int64_t lanes) {
  if (lanes <= 20) return {};
  return {{-11, 10, -1, 11}, {-14, 3, 0, 3}, {lanes, 5, 1, 9}, {lanes + 9, 0, 2, 2}};
}

// Adds an extended row some times.
void add_extended(std::vector<std::int64_t>& sums, const std::vector<std::int32_t>& row,
                  std::int64_t times) {
  const auto lanes = static_cast<std::int64_t>(row.size());
  const auto add = [&](std::int64_t to, std::int64_t from) {
    sums[static_cast<std::size_t>(left + to)] += times * row[static_cast<std::size_t>(from)];
  };
  for (std::int64_t l = 0; l < lanes; ++l) add(l, l);
  for (const LaneCopy& copy : copies_of(lanes)) {
    for (std::int64_t l = 0; l < copy.lanes; ++l) add(copy.to + l, copy.from + l * copy.step);
  }
}

// Of which 32 bits hold eight.
std::vector<std::int32_t> draw_row(Random& random, std::int64_t lanes) {
  std::vector<std::int32_t> row = draw_sums(random, lanes);
  for (std::int32_t& sum : row) sum /= 8;
  return row;
}

// Most of a mirrored margin's lanes are left out: their fours are copied.
struct ExtendedFours {
  std::int64_t end;  // of the lanes behind the row's first one
  std::vector<LaneCopy> lane_copies;
  std::vector<LaneRun> summed;
  std::vector<LaneCopy> copies;

  explicit ExtendedFours(std::int64_t lanes)
      : end((lanes + 16 + 7) / 8 * 8), lane_copies(copies_of(lanes)), summed{{-16, end}} {
    if (lanes <= 20) return;
    lane_copies[0] = {-11, 10, -1, 3};
    lane_copies.push_back({-3, 2, -1, 3});
    summed = {{-16, -8}, {0, end}};
    copies = {{-8, 10, -1, 8}};
  }
  FourExtension extension(std::int64_t lanes) const {
    return {{lanes, lane_copies}, summed, copies};
  }
};

std::vector<double> fours_of(const std::vector<std::int64_t>& sums) {
  std::vector<double> fours;
  for (std::size_t l = 0; l < sums.size(); ++l) {
    fours.push_back(0);
    for (std::size_t k = l < 3 ? 0 : l - 3; k <= l; ++k) {
      fours.back() += static_cast<double>(sums[k]);
    }
  }
  return fours;
}

void check_fours(const UnitSums& kernels, std::int64_t lanes, bool fit,
                 const std::function<std::vector<std::int32_t>()>& draw_next) {
  constexpr std::int64_t before = 24;
  const ExtendedFours layout(lanes);
  std::vector<std::int64_t> sums(static_cast<std::size_t>(left + layout.end), 0);
  std::vector<std::int32_t> changes(static_cast<std::size_t>(before + layout.end), 0);
  std::vector<double> fours(changes.size(), 0);
  const auto as_expected = [&] {
    return std::vector<double>(fours.begin() + before - left, fours.end()) == fours_of(sums);
  };
  std::vector<std::int32_t> row = draw_next();
  add_extended(sums, row, 1);
  std::vector<double> in_samples;
  for (const std::int64_t sum : sums) in_samples.push_back(static_cast<double>(sum) / 8.0);
  kernels.sum_fours(eighths(), fours.data() + before - left, in_samples.data(),
                    static_cast<std::int64_t>(sums.size()));
  CHECK(as_expected(), lanes);
  for (int k = 0; k < 3; ++k) {
    const std::vector<std::int32_t> next = draw_next();
    kernels.exchange_fours(fours.data() + before, changes.data() + before, next.data(), row.data(),
                           layout.extension(lanes), fit);
    add_extended(sums, next, 1);
    add_extended(sums, row, -1);
    row = next;
    CHECK(as_expected(), lanes, "exchange", k);
  }
  // Nothing came into being before the first lane.
  CHECK(std::all_of(fours.begin(), fours.begin() + before - left, [](double x) { return x == 0; }));
}

}  // namespace

TEST(fours_are_summed_and_exchanged) {
  for_kernels_and_lengths([](const UnitSums& kernels, Random& random, std::int64_t lanes) {
    for (const bool fit : {true, false}) {
      check_fours(kernels, lanes, fit, [&] { return draw_row(random, lanes); });
    }
  });
}

TEST(fours_whose_changes_32_bits_do_not_hold_are_exchanged) {
  for_kernels_and_lengths([](const UnitSums& kernels, Random& random, std::int64_t lanes) {
    check_fours(kernels, lanes, false, [&] { return draw_sums(random, lanes); });
    // At the limit, from one side to the other, in one lane only.
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      for (const std::int32_t change : {1 << 28, (1 << 28) + 1, (1 << 30) - 1}) {
        std::int32_t sign = 1;
        check_fours(kernels, lanes, false, [&] {
          std::vector<std::int32_t> row(static_cast<std::size_t>(lanes), sign * (1 << 28));
          row[static_cast<std::size_t>(lane)] = sign * change;
          sign = -sign;
          return row;
        });
      }
    }
  });
}

namespace {

RowsAhead nothing_ahead(const std::vector<float>& row) {
  const auto* place = reinterpret_cast<const std::byte*>(row.data());
  return {place, place};
}

void check_windows_of_fours(const UnitSums& kernels, std::int64_t lanes, std::int64_t size) {
  Random random(static_cast<std::uint64_t>(1000 * lanes + size));
  const std::int64_t extended = lanes + size - 1;
  std::vector<double> sums;
  std::vector<double> fours(static_cast<std::size_t>(zeros_before_fours), 0.0);
  for (std::int64_t l = 0; l < extended; ++l) {
    sums.push_back(static_cast<double>(random.between(-(1 << 30), 1 << 30)));
    fours.push_back(0);
    for (std::size_t k = 0; k < 4 && k < sums.size(); ++k) fours.back() += *(sums.end() - 1 - k);
  }
  fours.resize(fours.size() + 8, std::numeric_limits<double>::quiet_NaN());
  const double count = static_cast<double>(7 * size) * 0x1p24;
  std::vector<float> expected;
  for (std::int64_t l = 0; l < lanes; ++l) {
    const double sum = std::accumulate(sums.begin() + l, sums.begin() + l + size, 0.0);
    expected.push_back(static_cast<float>(sum / count));
  }
  std::vector<float> found(expected.size() + 1, -1.0F);
  kernels.slide_fours(found.data(), fours.data() + zeros_before_fours, lanes, size,
                      ExactDivisor::of(count), nothing_ahead(found));
  CHECK(found.back() == -1.0F, "lanes", lanes, "size", size);
  found.pop_back();
  CHECK(found == expected, "lanes", lanes, "size", size);
}

}  // namespace

TEST(windows_of_fours_are_those_of_their_lanes) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const std::int64_t lanes : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 100}) {
      for (std::int64_t size = 1; size <= 40; ++size) {
        check_windows_of_fours(kernels->unit_sums, lanes, size);
      }
    }
  }
}

TEST(an_exact_divisor_makes_zeros_plain) {
  for (const double count : {1.0, 8.0, 0x1p-20, 3.0, 27.0, 29791.0, 0x1p24 * 29791}) {
    const ExactDivisor divisor = ExactDivisor::of(count);
    CHECK(std::signbit(divisor.rest), count);
    for (const double sum : {0.0, -0.0}) {
      const double quotient = std::fma(sum, divisor.reciprocal, sum * divisor.rest);
      CHECK(quotient == 0 && !std::signbit(quotient), count, sum);
    }
  }
}

TEST(rows_of_small_boxes_are_summed_and_slid_along) {
  for_kernels_and_lengths([](const UnitSums& kernels, Random& random, std::int64_t lanes) {
    const std::int64_t extended = left + lanes + 16;
    const std::vector<LaneCopy> copies = copies_of(lanes);
    for (int count = 1; count <= 4; ++count) {
      std::vector<std::vector<std::int32_t>> rows;
      std::vector<std::int64_t> sums(static_cast<std::size_t>(extended), 0);
      RowGroup group;
      group.count = count;
      for (int k = 0; k < count; ++k) {
        rows.push_back(draw_row(random, lanes));
        for (std::int32_t& sum : rows.back()) sum /= 4;
        add_extended(sums, rows.back(), 1);
      }
      for (std::size_t k = 0; k < rows.size(); ++k) group.samples[k] = rows[k].data();
      std::vector<std::int32_t> found(sums.size(), 0);
      kernels.sum_rows(found.data() + left, group, {lanes, copies});
      for (std::size_t l = 0; l < sums.size(); ++l) CHECK_EQ(found[l], sums[l], lanes, l);
      for (std::int64_t size = 1; size <= 5; ++size) {
        const double samples = static_cast<double>(size * 9) * 0x1p24;
        const std::int64_t outputs = extended - size + 1;
        std::vector<float> means(static_cast<std::size_t>(outputs) + 1, -1.0F);
        kernels.slide_lanes(means.data(), found.data(), outputs, size, ExactDivisor::of(samples),
                            nothing_ahead(means));
        for (std::int64_t l = 0; l < outputs; ++l) {
          const auto window = sums.begin() + l;
          const auto sum =
              static_cast<double>(std::accumulate(window, window + size, std::int64_t{0}));
          CHECK_EQ(means[static_cast<std::size_t>(l)], static_cast<float>(sum / samples), lanes,
                   size, l);
        }
        CHECK_EQ(means.back(), -1.0F, lanes, size);
      }
    }
  });
}

}  // namespace boxel::test
