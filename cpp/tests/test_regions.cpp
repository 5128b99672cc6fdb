// Regions against a map from labels to lists of samples, through the public C++ interface.
#include "boxel/regions/update.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <vector>

#include "array.hpp"
#include "boxel/regions/gather.hpp"
#include "check.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

const std::vector<Statistic> wanted{Statistic::count, Statistic::sum, Statistic::min,
                                    Statistic::max,   Statistic::any, Statistic::count_nonzero};

using Samples = std::map<std::int64_t, std::vector<std::vector<std::int64_t>>>;  // by channel

struct RegionCase {
  Array labels;
  Array image;
  std::int64_t channels;
};

// Labels near each other or far apart, scattered or in runs; small integers as samples.
RegionCase random_case(Random& random, DType dtype) {
  const Extents shape =
      random.one_in(2)
          ? extents({random.between(1, 9), random.between(1, 300)})
          : extents({random.between(1, 5), random.between(1, 6), random.between(1, 20)});
  const std::int64_t channels = random.between(1, 5);
  Extents whole = shape;
  whole.push_back(channels);
  RegionCase c{Array(DType::int64, shape, random_layout(random, shape.size(), false)),
               Array(dtype, whole, random_layout(random, whole.size(), false)), channels};
  const std::int64_t scale = random.pick<std::int64_t>({1, 1, -1, 1'000'000'000'000});
  const bool runs = random.one_in(2);
  std::int64_t label = 0;
  for (Index index(shape); index.valid(); index.next()) {
    if (!runs || random.one_in(80)) label = random.between(0, 6) * scale;
    c.labels.set(index.at(), number_of(label));
  }
  for (Index index(whole); index.valid(); index.next()) {
    c.image.set(index.at(), number_of(random.between(0, 100)));
  }
  return c;
}

Samples samples_of(const RegionCase& c) {
  Samples result;
  for (Index index(c.labels.shape()); index.valid(); index.next()) {
    const auto label = static_cast<std::int64_t>(c.labels.get(index.at()).integer);
    if (label == 0) continue;
    auto& region = result[label];
    region.resize(static_cast<std::size_t>(c.channels));
    for (std::int64_t channel = 0; channel < c.channels; ++channel) {
      Extents place = index.at();
      place.push_back(channel);
      const Number number = c.image.get(place);
      region[static_cast<std::size_t>(channel)].push_back(
          is_floating(c.image.view().dtype) ? static_cast<std::int64_t>(number.real)
                                            : static_cast<std::int64_t>(number.integer));
    }
  }
  return result;
}

RegionSettings settings_of(const RegionCase& c, const KernelSet& kernels) {
  RegionSettings settings;
  settings.statistics = wanted;
  settings.dtype = c.image.view().dtype;
  settings.channels = c.channels;
  settings.background = 0;
  settings.geometry_axes = c.labels.shape().size();
  settings.kernels = &kernels;
  return settings;
}

RegionUpdate update_of(const RegionCase& c, int workers) {
  RegionUpdate update;
  update.labels = c.labels.view();
  update.image = c.image.view();
  update.workers = workers;
  return update;
}

// One row of an output for each label, as int64.
std::vector<std::int64_t> written(const RegionTable& table, const std::vector<WideLabel>& labels,
                                  Statistic statistic) {
  const auto rows = static_cast<std::int64_t>(labels.size());
  const std::int64_t channels = table.settings().channels;
  std::vector<std::int64_t> values(static_cast<std::size_t>(rows * channels));
  BlockOutput output{statistic, {}, false, {}};
  output.view.data = reinterpret_cast<std::byte*>(values.data());
  output.view.dtype = DType::int64;
  output.view.shape = extents({rows, channels});
  output.view.strides = extents({channels * 8, 8});
  table.write(labels, {output}, 0);
  return values;
}

std::int64_t value_of(Statistic statistic, const std::vector<std::int64_t>& samples) {
  std::int64_t sum = 0;
  for (const std::int64_t sample : samples) sum += sample;
  const auto nonzero = static_cast<std::int64_t>(samples.size()) -
                       static_cast<std::int64_t>(std::ranges::count(samples, 0));
  switch (statistic) {
    case Statistic::count:
      return static_cast<std::int64_t>(samples.size());
    case Statistic::sum:
      return sum;
    case Statistic::min:
      return std::ranges::min(samples);
    case Statistic::max:
      return std::ranges::max(samples);
    case Statistic::any:
      return nonzero > 0;
    default:
      return nonzero;
  }
}

void check_table(const RegionTable& table, const Samples& expected) {
  std::vector<WideLabel> labels;
  for (const auto& [label, samples] : expected) labels.push_back(label);
  const std::vector<WideLabel> found = table.labels();
  CHECK(std::ranges::equal(found, labels), "the labels that were met");
  for (const Statistic statistic : wanted) {
    const std::vector<std::int64_t> values = written(table, labels, statistic);
    std::size_t place = 0;
    for (const auto& [label, channels] : expected) {
      for (const auto& samples : channels) {
        CHECK_EQ(values[place++], value_of(statistic, samples), "statistic",
                 info_of(statistic).name, "label", label);
      }
    }
  }
}

const std::vector<DType> dtypes{DType::boolean, DType::int8,   DType::uint8,  DType::int16,
                                DType::uint32,  DType::int64,  DType::uint64, DType::float16,
                                DType::float32, DType::float64};

TEST(regions_are_lists_of_samples) {
  Random random(11);
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const DType dtype : dtypes) {
      for (int round = 0; round < 25; ++round) {
        const RegionCase c = random_case(random, dtype);
        RegionTable table(settings_of(c, *kernels));
        update_regions(table, update_of(c, 2));
        check_table(table, samples_of(c));
      }
    }
  }
}

TEST(region_tables_merge_and_move) {
  Random random(12);
  const KernelSet& kernels = *available_kernel_sets().back();
  for (int round = 0; round < 60; ++round) {
    const RegionCase one = random_case(random, DType::uint8);
    RegionCase other = random_case(random, DType::uint8);
    while (other.channels != one.channels ||
           other.labels.shape().size() != one.labels.shape().size()) {
      other = random_case(random, DType::uint8);
    }
    RegionTable table(settings_of(one, kernels));
    RegionTable added(settings_of(other, kernels));
    update_regions(table, update_of(one, 1));
    update_regions(added, update_of(other, 1));
    RegionTable elsewhere(settings_of(other, kernels));
    elsewhere.restore(added.rows());
    table.merge(elsewhere);
    Samples expected = samples_of(one);
    for (const auto& [label, channels] : samples_of(other)) {
      auto& region = expected[label];
      region.resize(channels.size());
      for (std::size_t c = 0; c < channels.size(); ++c) {
        region[c].insert(region[c].end(), channels[c].begin(), channels[c].end());
      }
    }
    check_table(table, expected);
  }
}

TEST(label_maps_grow_both_ways_and_become_sparse) {
  const RegionKernels& kernels = region_kernels(*available_kernel_sets().back());
  LabelMap map(kernels, WideLabel{7}, 100);
  std::map<std::int64_t, std::int32_t> slots;
  Random random(13);
  std::int64_t spread = 10;
  for (int round = 0; round < 3000; ++round) {
    if (round % 500 == 499) spread *= 20;
    const std::int64_t label = random.between(-spread, spread);
    const std::vector<std::int32_t> moves = map.prepare(Sample::int64, &label, 1);
    if (!moves.empty()) {
      for (auto& [known, slot] : slots) slot = moves[static_cast<std::size_t>(slot)];
    }
    std::int32_t slot = -1;
    map.assign(Sample::int64, &label, 1, &slot);
    if (label == 7) {
      CHECK_EQ(slot, no_slot, "background");
      continue;
    }
    CHECK(slot >= first_slot && slot < map.slots(), "label", label);
    slots[label] = slot;
  }
  for (const auto& [label, slot] : slots) {
    CHECK_EQ(map.find(label), slot, "label", label);
    CHECK(map.label_of(slot) == label, "label", label);
  }
}

TEST(regions_know_where_they_lie) {
  const KernelSet& kernels = *available_kernel_sets().back();
  Array labels(DType::uint8, extents({3, 4}), fortran_layout(2));
  for (Index index(labels.shape()); index.valid(); index.next()) {
    labels.set(index.at(), number_of(index.at()[0] > 0 && index.at()[1] > 1 ? 5 : 0));
  }
  RegionSettings settings;
  settings.statistics = {Statistic::count};
  settings.background = 0;
  settings.geometry_axes = 2;
  settings.kernels = &kernels;
  RegionTable table(settings);
  RegionUpdate update;
  update.labels = labels.view();
  update.origin = {10, 20};
  update_regions(table, update);
  std::int64_t pixels = 0;
  std::int64_t lows[2];
  std::int64_t highs[2];
  double centroids[2];
  table.write_geometry({5}, &pixels, lows, highs, centroids);
  CHECK_EQ(pixels, 4);
  CHECK_EQ(lows[0], 11);
  CHECK_EQ(lows[1], 22);
  CHECK_EQ(highs[0], 13);
  CHECK_EQ(highs[1], 24);
  CHECK_EQ(centroids[0], 11.5);
  CHECK_EQ(centroids[1], 22.5);
}

TEST(medians_of_regions_share_the_samples_of_labels_asked_for_twice) {
  Random random(14);
  const KernelSet& kernels = *available_kernel_sets().back();
  for (int round = 0; round < 40; ++round) {
    const RegionCase c = random_case(random, DType::int16);
    const Samples expected = samples_of(c);
    std::vector<WideLabel> labels;
    for (const auto& [label, samples] : expected) labels.insert(labels.end(), 2, label);
    if (labels.empty()) continue;
    const auto rows = static_cast<std::int64_t>(labels.size());
    std::vector<double> values(static_cast<std::size_t>(rows * c.channels));
    BlockOutput output{Statistic::median, {}, false, {}};
    output.view.data = reinterpret_cast<std::byte*>(values.data());
    output.view.dtype = DType::float64;
    output.view.shape = extents({rows, c.channels});
    output.view.strides = extents({c.channels * 8, 8});
    select_regions(kernels, update_of(c, 3), labels, {output});
    std::size_t place = 0;
    for (const auto& [label, channels] : expected) {
      for (int copy = 0; copy < 2; ++copy) {
        for (auto samples : channels) {
          std::ranges::sort(samples);
          const double low = static_cast<double>(samples[(samples.size() - 1) / 2]);
          const double high = static_cast<double>(samples[samples.size() / 2]);
          CHECK_EQ(values[place++], (low + high) / 2, "label", label);
        }
      }
    }
  }
}

TEST(a_failed_update_leaves_the_table_as_it_was) {
  Random random(15);
  const RegionCase c = random_case(random, DType::uint8);
  RegionTable table(settings_of(c, *available_kernel_sets().back()));
  update_regions(table, update_of(c, 1));
  RegionUpdate update = update_of(c, 1);
  update.poll = [] { throw std::runtime_error("interrupted"); };
  CHECK_THROWS(update_regions(table, update), std::runtime_error, "interrupted");
  check_table(table, samples_of(c));
}

}  // namespace
}  // namespace boxel::test
