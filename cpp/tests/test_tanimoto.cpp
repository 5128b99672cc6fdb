// Distances of fingerprints and their clustering against counting bit by bit.
#include "boxel/clustering/tanimoto.hpp"

#include <bit>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "clustering_case.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

std::vector<std::uint64_t> random_bits(std::int64_t count, std::int64_t words, Random& random) {
  std::vector<std::uint64_t> bits(at(count * words));
  const bool few = random.one_in(2);
  for (std::int64_t row = 0; row < count; ++row) {
    const bool empty = random.one_in(20);
    for (std::int64_t word = 0; word < words; ++word) {
      std::uint64_t drawn = random.bits();
      if (few) drawn &= random.bits() & random.bits();
      bits[at(row * words + word)] = empty ? 0 : drawn;
    }
  }
  return bits;
}

double plain_distance(const std::uint64_t* one, const std::uint64_t* other, std::int64_t words,
                      double empty) {
  int both = 0;
  int either = 0;
  for (std::int64_t word = 0; word < words; ++word) {
    both += std::popcount(one[word] & other[word]);
    either += std::popcount(one[word] | other[word]);
  }
  return either == 0 ? empty : double(either - both) / double(either);
}

constexpr std::int64_t counts[] = {1, 2, 7, 8, 9, 64, 65, 130, 200};

}  // namespace

TEST(tanimoto_distances_are_shares_of_bits) {
  Random random(1);
  constexpr double empty = 0.5;
  for (const KernelSet* set : available_kernel_sets()) {
    for (const std::int64_t n : counts) {
      const std::int64_t words = random.pick({0, 1, 3, 8, 32});
      const std::int64_t columns = random.pick({1, 8, 129});
      const std::vector<std::uint64_t> bits = random_bits(n, words, random);
      const std::vector<std::uint64_t> others = random_bits(columns, words, random);
      const Fingerprints rows(bits.data(), n, words);
      for (const int workers : {1, 3}) {
        const TanimotoSettings settings{empty, set, workers, {}};
        std::vector<double> condensed(at(pair_count(n)), -1);
        tanimoto_condensed(rows, settings, condensed.data());
        std::size_t place = 0;
        for (std::int64_t i = 0; i < n; ++i) {
          for (std::int64_t j = i + 1; j < n; ++j) {
            CHECK_EQ(condensed[place++],
                     plain_distance(bits.data() + i * words, bits.data() + j * words, words, empty),
                     set->name, n, words, workers);
          }
        }
        std::vector<float> between(at(n * columns), -1);
        tanimoto_between(rows, Fingerprints(others.data(), columns, words), settings,
                         between.data());
        for (std::int64_t i = 0; i < n; ++i) {
          for (std::int64_t j = 0; j < columns; ++j) {
            CHECK_EQ(between[at(i * columns + j)],
                     static_cast<float>(plain_distance(bits.data() + i * words,
                                                       others.data() + j * words, words, empty)),
                     set->name, n, columns, words, workers);
          }
        }
      }
    }
  }
}

TEST(single_linkage_of_fingerprints_is_that_of_their_distances) {
  Random random(2);
  for (const KernelSet* set : available_kernel_sets()) {
    for (const std::int64_t n : counts) {
      const std::vector<std::uint64_t> bits = random_bits(n, 1, random);  // many ties
      const Fingerprints rows(bits.data(), n, 1);
      std::vector<float> distances(at(pair_count(n)));
      tanimoto_condensed(rows, {0, set, 1, {}}, distances.data());
      const std::vector<Join> expected = plain_single_linkage(distances, n);
      for (const int workers : {1, 2, 5}) {
        check_joins(tanimoto_single_linkage(rows, {0, set, workers, {}}), expected, set->name, n,
                    workers);
      }
    }
  }
}

TEST(tanimoto_distances_stop_when_they_are_polled) {
  struct Interrupted : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  Random random(3);
  constexpr std::int64_t n = 300;
  const std::vector<std::uint64_t> bits = random_bits(n, 4, random);
  const Fingerprints rows(bits.data(), n, 4);
  std::vector<float> distances(at(n * n));
  const TanimotoSettings settings{0, available_kernel_sets().back(), 1,
                                  [] { throw Interrupted("enough"); }};
  CHECK_THROWS(tanimoto_condensed(rows, settings, distances.data()), Interrupted, "enough");
  CHECK_THROWS(tanimoto_between(rows, rows, settings, distances.data()), Interrupted, "enough");
  CHECK_THROWS(tanimoto_single_linkage(rows, settings), Interrupted, "enough");
}

}  // namespace boxel::test
