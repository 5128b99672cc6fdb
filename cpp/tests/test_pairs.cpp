// Square and condensed matrices: one from the other, and what is wrong with them.
#include "boxel/clustering/pairs.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "clustering_case.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

constexpr std::array<std::int64_t, 11> sizes{0, 1, 2, 3, 8, 63, 64, 65, 128, 130, 200};

template <class T>
void check_conversions(std::int64_t n, Random& random) {
  const std::vector<T> condensed = random_distances<T>(n, 0, random);
  const std::vector<T> square = square_of(condensed, n);
  for (const int workers : {1, 3}) {
    std::vector<T> found(condensed.size(), T{-1});
    condense(square.data(), n, found.data(), workers, {});
    CHECK(found == condensed, n, workers);
    const std::int64_t stride = n + 5;
    std::vector<T> wide(at(n * stride), T{-1});
    expand(PairRows<const T>{condensed.data(), n, 0}, wide.data(), stride, workers, {});
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        CHECK_EQ(wide[at(i * stride + j)], square[at(i * n + j)], n, workers, i, j);
      }
    }
    std::vector<T> again(at(n * n), T{-1});
    expand(PairRows<const T>{square.data(), n, n}, again.data(), n, workers, {});
    CHECK(again == square, "from a square", n, workers);

    std::vector<T> uneven = square;
    for (std::int64_t i = 0; i < n; ++i) {
      uneven[at(i * n + i)] = T{1};
      for (std::int64_t j = i + 1; j < n; ++j) uneven[at(j * n + i)] += T{1};
    }
    std::vector<T> means = uneven;
    symmetrise(means.data(), n, workers, {});
    std::vector<T> condensed_means(condensed.size());
    condense(uneven.data(), n, condensed_means.data(), workers, {});
    CHECK(means == square_of(condensed_means, n), "means", n, workers);
    for (std::size_t k = 0; k < condensed.size(); ++k) {
      const T mirror = condensed[k] + T{1};
      CHECK_EQ(condensed_means[k], condensed[k] / 2 + mirror / 2, n, workers);
    }
  }
}

template <class T>
void check_square_reports(std::int64_t n, Random& random) {
  const std::vector<T> square = square_of(random_distances<T>(n, 0, random), n);
  T largest = 0;
  for (const T value : square) largest = std::max(largest, value);
  const SquareReport fine = inspect_square(square.data(), n, {});
  CHECK_EQ(fine.invalid_row, -1, n);
  CHECK_EQ(fine.largest, static_cast<double>(largest), n);
  CHECK_EQ(fine.worst_asymmetry, 0.0, n);
  if (n < 3) return;
  for (const T invalid :
       {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity(), T{-1}}) {
    const std::int64_t i = random.between(0, n - 1);
    const std::int64_t j = (i + random.between(1, n - 1)) % n;
    std::vector<T> wrong = square;
    wrong[at(i * n + j)] = invalid;
    const SquareReport report = inspect_square(wrong.data(), n, {});
    CHECK_EQ(report.invalid_row, i, n, invalid);
    CHECK_EQ(report.invalid_column, j, n, invalid);
  }
  std::vector<T> uneven = square;
  uneven[at(2 * n + 1)] += T{2};
  uneven[at(n - 1)] += T{3};
  uneven[at(1 * n + 1)] = T(-0.5);
  const SquareReport report = inspect_square(uneven.data(), n, {});
  CHECK_EQ(report.worst_row, 0, n);
  CHECK_EQ(report.worst_column, n - 1, n);
  CHECK(std::abs(report.worst_asymmetry - 3) < 1e-5, n);
  CHECK_EQ(report.diagonal_least, -0.5, n);
  CHECK_EQ(report.diagonal_largest, 0.0, n);
  CHECK_EQ(report.diagonal_row, 1, n);
}

}  // namespace

TEST(pairs_are_condensed_and_expanded) {
  Random random(1);
  for (const std::int64_t n : sizes) {
    check_conversions<float>(n, random);
    check_conversions<double>(n, random);
  }
}

TEST(pairs_are_where_they_should_be) {
  constexpr std::int64_t n = 7;
  std::vector<int> condensed(at(pair_count(n)));
  std::vector<int> square(at(n * n));
  const PairRows<int> in_condensed{condensed.data(), n, 0};
  const PairRows<int> in_square{square.data(), n, n};
  int place = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i + 1; j < n; ++j) {
      CHECK_EQ(in_condensed.row(i) + j - condensed.data(), place++, i, j);
      CHECK_EQ(in_square.row(i) + j - square.data(), i * n + j, i, j);
    }
  }
  CHECK_EQ(place, pair_count(n));
  CHECK_EQ(pair_count(0), 0);
  CHECK_EQ(pair_count(3'000'000'000), 4'499'999'998'500'000'000);
}

TEST(square_matrices_are_inspected) {
  Random random(2);
  for (const std::int64_t n : sizes) {
    check_square_reports<float>(n, random);
    check_square_reports<double>(n, random);
  }
}

TEST(condensed_matrices_are_inspected) {
  for (const KernelSet* set : available_kernel_sets()) {
    std::vector<double> values(at((std::int64_t{1} << 20) + 5), 1.0);  // more than one part
    values[7] = 3;
    const auto count = static_cast<std::int64_t>(values.size());
    const CondensedReport fine = inspect_condensed(values.data(), count, *set, {});
    CHECK_EQ(fine.invalid, -1, set->name);
    CHECK_EQ(fine.largest, 3.0, set->name);
    values.back() = std::numeric_limits<double>::quiet_NaN();
    CHECK_EQ(inspect_condensed(values.data(), count, *set, {}).invalid, count - 1, set->name);
  }
}

}  // namespace boxel::test
