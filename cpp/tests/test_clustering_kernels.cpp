// The kernels of clustering against plain loops, on every instruction set.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "boxel/clustering/kernels.hpp"
#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "clustering_case.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

constexpr std::array<std::int64_t, 16> counts{0,  1,  2,  3,   7,   8,   15,  16,
                                              17, 31, 64, 127, 128, 129, 300, 1030};

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

// Calls body(kernels, a value of the type) for every instruction set and both types.
template <class Body>
void for_kernels(Body&& body) {
  for (const KernelSet* set : available_kernel_sets()) {
    const ClusteringKernels& kernels = clustering_kernels(*set);
    CHECK_EQ(kernels.name, set->name);
    body(kernels.float32, float{});
    body(kernels.float64, double{});
  }
}

// Few levels, so that the least is found in many places.
template <class T>
std::vector<T> values_of(std::int64_t count, Random& random) {
  std::vector<T> values(at(count));
  const std::int64_t levels = random.pick({1, 2, 10, 100000});
  for (T& value : values) value = static_cast<T>(random.between(0, levels));
  return values;
}

template <class T>
std::vector<T> penalties_of(std::int64_t count, Random& random) {
  std::vector<T> penalties(at(count));
  const std::int64_t share = random.pick({1, 2, 5});
  for (T& penalty : penalties) penalty = random.one_in(share) ? infinity<T> : T{0};
  return penalties;
}

constexpr std::array updating_rules{Rule::largest, Rule::mean, Rule::ward, Rule::centre};

Update random_update(Rule rule, Random& random) {
  if (rule == Rule::ward) {
    return {static_cast<double>(random.between(1, 9)), static_cast<double>(random.between(1, 9)),
            random.uniform(0, 1)};
  }
  const double weight = random.uniform(0, 1);
  return {weight, 1 - weight, random.uniform(0, 0.5)};
}

}  // namespace

TEST(clustering_kernels_find_the_first_least) {
  Random random(1);
  for_kernels([&]<class T>(const LinkageKernels<T>& kernels, T) {
    for (const std::int64_t count : counts) {
      for (int times = 0; times < 20; ++times) {
        const std::vector<T> row = values_of<T>(count, random);
        const std::vector<T> penalty = penalties_of<T>(count, random);
        Nearest<T> expected{infinity<T>, -1};
        Nearest<T> least{infinity<T>, -1};
        for (std::int64_t k = 0; k < count; ++k) {
          if (row[at(k)] + penalty[at(k)] < expected.distance) expected = {row[at(k)], k};
          if (row[at(k)] < least.distance) least = {row[at(k)], k};
        }
        const Nearest<T> found = kernels.nearest(row.data(), penalty.data(), count);
        CHECK_EQ(found.index, expected.index, count);
        CHECK_EQ(found.distance, expected.distance, count);
        const Nearest<T> found_least = kernels.least(row.data(), count);
        CHECK_EQ(found_least.index, least.index, count);
        CHECK_EQ(found_least.distance, least.distance, count);
        const auto times_found = std::count(row.begin(), row.end(), least.distance);
        CHECK_EQ(kernels.repeats(row.data(), least.distance, count), times_found > 1, count);
      }
    }
  });
}

TEST(clustering_kernels_merge_rows) {
  Random random(2);
  for_kernels([&]<class T>(const LinkageKernels<T>& kernels, T) {
    for (const Rule rule : updating_rules) {
      for (const std::int64_t count : counts) {
        std::vector<T> kept = random_distances<T>(count + 1, 0, random);
        std::vector<T> gone = random_distances<T>(count + 1, 0, random);
        kept.resize(at(count));
        gone.resize(at(count));
        std::vector<double> sizes(at(count));
        for (double& size : sizes) size = static_cast<double>(random.between(1, 50));
        const Update update = random_update(rule, random);
        std::vector<T> expected(at(count));
        for (std::size_t k = 0; k < expected.size(); ++k) {
          expected[k] = static_cast<T>(merged(rule, static_cast<double>(kept[k]),
                                              static_cast<double>(gone[k]), sizes[k], update));
        }
        std::vector<T> out(at(count));
        kernels.merge_rows(rule, kept.data(), gone.data(), sizes.data(), update, count, out.data());
        CHECK(out == expected, static_cast<int>(rule), count);
        std::vector<T> in_place = kept;
        kernels.merge_rows(rule, in_place.data(), gone.data(), sizes.data(), update, count,
                           in_place.data());
        CHECK(in_place == expected, "in place", static_cast<int>(rule), count);
        in_place = gone;
        kernels.merge_rows(rule, kept.data(), in_place.data(), sizes.data(), update, count,
                           in_place.data());
        CHECK(in_place == expected, "in place of the other", static_cast<int>(rule), count);
      }
    }
  });
}

TEST(clustering_kernels_replay_merges_in_their_order) {
  Random random(3);
  for_kernels([&]<class T>(const LinkageKernels<T>& kernels, T) {
    for (const Rule rule : updating_rules) {
      for (const std::int64_t merges : {0, 1, 2, 5, 31, 33, 200}) {
        constexpr std::int64_t count = 40;
        std::vector<T> row = random_distances<T>(count + 1, 0, random);
        row.resize(at(count));
        std::vector<MergePair> pairs;
        std::vector<Update> updates;
        std::vector<T> expected = row;
        const auto size = static_cast<double>(random.between(1, 20));
        for (std::int64_t m = 0; m < merges; ++m) {
          const auto a = static_cast<std::int32_t>(random.between(0, count - 2));
          const auto b = static_cast<std::int32_t>(random.between(a + 1, count - 1));
          pairs.push_back({a, b});
          updates.push_back(random_update(rule, random));
          expected[at(a)] =
              static_cast<T>(merged(rule, static_cast<double>(expected[at(a)]),
                                    static_cast<double>(expected[at(b)]), size, updates.back()));
        }
        kernels.replay(rule, row.data(), count, size, {pairs.data(), updates.data(), merges});
        CHECK(row == expected, static_cast<int>(rule), merges);
      }
    }
  });
}

// What the bounds and neighbours promise: see Agglomeration. Distances are small whole numbers, a
// neighbour is that of the first least distance or unknown.
TEST(clustering_kernels_note_merges) {
  Random random(4);
  for_kernels([&]<class T>(const LinkageKernels<T>& kernels, T) {
    using Index = IndexOf<T>;
    for (const std::int64_t count : counts) {
      if (count < 2) continue;
      const std::int64_t kept = random.between(0, count - 2);
      const std::int64_t gone = random.between(kept + 1, count - 1);
      std::vector<T> row = values_of<T>(count, random);
      std::vector<T> penalty = penalties_of<T>(count, random);
      std::vector<T> bounds = values_of<T>(count, random);
      std::vector<Index> neighbours(at(count));
      for (std::int64_t k = 0; k < count; ++k) {
        const std::int64_t any = random.between(std::min(k + 1, count - 1), count - 1);
        const std::int64_t drawn = random.pick({any, kept, gone, std::int64_t{-1}});
        neighbours[at(k)] = static_cast<Index>(drawn > k ? drawn : -1);
      }
      std::vector<T> new_bounds = bounds;
      std::vector<Index> new_neighbours = neighbours;
      for (std::int64_t k = 0; k < gone; ++k) {
        if (k == kept) continue;
        Index& neighbour = new_neighbours[at(k)];
        const bool lost = neighbour == kept || neighbour == gone;
        const T distance = row[at(k)] + penalty[at(k)];
        if (k > kept) {
          if (neighbour == gone) neighbour = -1;
        } else if (distance < bounds[at(k)]) {
          neighbour = static_cast<Index>(kept);
          new_bounds[at(k)] = distance;
        } else if (distance == bounds[at(k)]) {
          if (lost || neighbour > kept) neighbour = static_cast<Index>(kept);
        } else if (lost) {
          neighbour = -1;
        }
      }
      kernels.note_merge(row.data(), penalty.data(), kept, gone, bounds.data(), neighbours.data());
      CHECK(bounds == new_bounds, count, kept, gone);
      CHECK(neighbours == new_neighbours, count, kept, gone);
    }
  });
}

TEST(clustering_kernels_approach) {
  Random random(5);
  for_kernels([&]<class T>(const LinkageKernels<T>& kernels, T) {
    using Index = IndexOf<T>;
    for (const std::int64_t count : counts) {
      const std::vector<T> next = values_of<T>(count, random);
      std::vector<T> distances = values_of<T>(count, random);
      std::vector<Index> nearest(at(count));
      for (Index& index : nearest) index = static_cast<Index>(random.between(0, 9));
      constexpr std::int64_t name = 5;
      std::vector<T> new_distances = distances;
      std::vector<Index> new_nearest = nearest;
      for (std::size_t k = 0; k < next.size(); ++k) {
        const bool equal = next[k] == distances[k] && name < nearest[k];
        if (next[k] < distances[k] || equal) {
          new_distances[k] = next[k];
          new_nearest[k] = static_cast<Index>(name);
        }
      }
      kernels.approach(next.data(), name, count, distances.data(), nearest.data());
      CHECK(distances == new_distances, count);
      CHECK(nearest == new_nearest, count);
    }
  });
}

TEST(clustering_kernels_check_every_value) {
  Random random(6);
  for_kernels([&]<class T>(const LinkageKernels<T>& kernels, T) {
    for (const std::int64_t count : counts) {
      std::vector<T> values = values_of<T>(count, random);
      T largest = 0;
      CHECK_EQ(kernels.check(values.data(), count, &largest), -1, count);
      CHECK_EQ(largest, count == 0 ? T{0} : *std::max_element(values.begin(), values.end()));
      T above = std::numeric_limits<T>::max();
      kernels.check(values.data(), count, &above);
      CHECK_EQ(above, std::numeric_limits<T>::max(), "the largest so far is kept");
      for (const T invalid : {std::numeric_limits<T>::quiet_NaN(), infinity<T>, -infinity<T>, T{-1},
                              -std::numeric_limits<T>::denorm_min()}) {
        for (int times = 0; times < 8 && count > 0; ++times) {
          const std::int64_t first = random.between(0, count - 1);
          std::vector<T> wrong = values;
          wrong[at(first)] = invalid;
          wrong[at(random.between(first, count - 1))] = invalid;
          CHECK_EQ(kernels.check(wrong.data(), count, &largest), first, count, invalid);
        }
      }
      if (count > 0) {
        values[0] = -T{0};
        values[at(count - 1)] = std::numeric_limits<T>::max();
        CHECK_EQ(kernels.check(values.data(), count, &largest), -1, count);
        CHECK_EQ(largest, std::numeric_limits<T>::max());
      }
    }
  });
}

TEST(clustering_kernels_find_what_is_light) {
  Random random(7);
  for_kernels([&]<class T>(const LinkageKernels<T>& kernels, T) {
    for (const std::int64_t count : counts) {
      for (const T own : {T{-1}, T{0}, T{1}, infinity<T>}) {
        const std::vector<T> row = values_of<T>(count, random);
        std::vector<T> reach = values_of<T>(count, random);
        for (T& each : reach) each = random.one_in(4) ? infinity<T> : each / 2;
        std::vector<std::int32_t> expected;
        for (std::int64_t k = 0; k < count; ++k) {
          if (row[at(k)] <= reach[at(k)] || row[at(k)] <= own) {
            expected.push_back(static_cast<std::int32_t>(k));
          }
        }
        std::vector<std::int32_t> places(at(count + 1));
        const std::int64_t found =
            kernels.light(row.data(), reach.data(), own, count, places.data());
        places.resize(at(found));
        CHECK(places == expected, count, own);
      }
    }
  });
}

TEST(clustering_kernels_count_common_bits) {
  Random random(8);
  for (const KernelSet* set : available_kernel_sets()) {
    const ClusteringKernels& kernels = clustering_kernels(*set);
    for (const std::int64_t words : {0, 1, 2, 7, 8, 9, 16, 33}) {
      for (const std::int64_t rows : {1, 3, 4, 5, 9}) {
        constexpr std::int64_t groups = 2;
        constexpr std::int64_t columns = groups * fingerprint_group;
        const std::int64_t density = random.pick({0, 1, 2, 3});
        const auto draw = [&](std::vector<std::uint64_t>& bits, std::int64_t count) {
          bits.resize(at(count * words));
          for (std::uint64_t& word : bits) {
            word = density == 0 ? 0 : ~std::uint64_t{0};
            for (std::int64_t turn = 1; turn < density; ++turn) word &= random.bits();
          }
        };
        std::vector<std::uint64_t> row_bits;
        std::vector<std::uint64_t> column_bits;
        draw(row_bits, rows);
        draw(column_bits, columns);
        std::vector<std::uint64_t> interleaved(column_bits.size());
        const auto count_of = [&](const std::vector<std::uint64_t>& bits, std::int64_t row) {
          std::int32_t sum = 0;
          for (std::int64_t w = 0; w < words; ++w) sum += std::popcount(bits[at(row * words + w)]);
          return sum;
        };
        std::vector<std::int32_t> row_counts;
        std::vector<std::int32_t> column_counts;
        for (std::int64_t r = 0; r < rows; ++r) row_counts.push_back(count_of(row_bits, r));
        for (std::int64_t c = 0; c < columns; ++c) {
          column_counts.push_back(count_of(column_bits, c));
          for (std::int64_t w = 0; w < words; ++w) {
            interleaved[at((c / fingerprint_group * words + w) * fingerprint_group +
                           c % fingerprint_group)] = column_bits[at(c * words + w)];
          }
        }
        constexpr std::int64_t stride = columns + 3;
        std::vector<double> found(at(rows * stride));
        kernels.tanimoto64({row_bits.data(), row_counts.data(), rows},
                           {interleaved.data(), column_counts.data(), groups}, words, 0.25, stride,
                           found.data());
        std::vector<float> found32(at(rows * stride));
        kernels.tanimoto32({row_bits.data(), row_counts.data(), rows},
                           {interleaved.data(), column_counts.data(), groups}, words, 0.25F, stride,
                           found32.data());
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t c = 0; c < columns; ++c) {
            int both = 0;
            int either = 0;
            for (std::int64_t w = 0; w < words; ++w) {
              both += std::popcount(row_bits[at(r * words + w)] & column_bits[at(c * words + w)]);
              either += std::popcount(row_bits[at(r * words + w)] | column_bits[at(c * words + w)]);
            }
            const double expected = either == 0 ? 0.25 : double(either - both) / double(either);
            CHECK_EQ(found[at(r * stride + c)], expected, set->name, words, rows);
            const float narrow = either == 0 ? 0.25F : float(either - both) / float(either);
            CHECK_EQ(found32[at(r * stride + c)], narrow, set->name, words, rows);
          }
        }
      }
    }
  }
}

}  // namespace boxel::test
