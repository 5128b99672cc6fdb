// The contents of a region table as plain rows, and back.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "boxel/regions/region_table.hpp"

namespace boxel {
namespace {

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

void expect(bool held, const char* message) {
  if (!held) throw std::invalid_argument(message);
}

std::byte* lane_of(Lanes lanes, std::int64_t row, std::int64_t lane) {
  return lanes.from(lane).row<std::byte>(static_cast<int>(row));
}

}  // namespace

RegionRows RegionTable::rows() const {
  RegionRows found;
  found.labels = labels();
  std::vector<std::int32_t> slots;
  for (const WideLabel label : found.labels) slots.push_back(map_.find(label));
  const std::int64_t channels = settings_.channels;
  for (std::size_t k = 0; k < accumulators_.size(); ++k) {
    const auto size = static_cast<std::int64_t>(accumulators_[k]->lane_size());
    StateRows state{size, accumulators_[k]->rows(), {}};
    state.lanes.resize(at(state.rows * size * channels) * slots.size());
    std::byte* out = state.lanes.data();
    for (std::int64_t row = 0; row < state.rows; ++row) {
      for (const std::int32_t slot : slots) {
        std::memcpy(out, lane_of(lanes_[k], row, slot * channels), at(channels * size));
        out += channels * size;
      }
    }
    found.states.push_back(std::move(state));
  }
  if (settings_.geometry_axes == 0) return found;
  for (const std::int32_t slot : slots) {
    found.pixels.push_back(pixels_[at(slot)]);
    const auto first = extents_.begin() + slot * settings_.geometry_axes;
    found.extents.insert(found.extents.end(), first, first + settings_.geometry_axes);
  }
  return found;
}

void RegionTable::check_rows(const RegionRows& rows) const {
  const std::size_t regions = rows.labels.size();
  expect(labels().empty(), "rows can only be restored into an empty table");
  const auto ascends = [](WideLabel a, WideLabel b) { return a >= b; };
  expect(std::ranges::adjacent_find(rows.labels, ascends) == rows.labels.end(),
         "expected labels in ascending order");
  expect(!settings_.background || !std::ranges::binary_search(rows.labels, *settings_.background),
         "expected no region with the label of the background");
  expect(rows.states.size() == accumulators_.size(), "found another number of states");
  for (std::size_t k = 0; k < accumulators_.size(); ++k) {
    const StateRows& state = rows.states[k];
    expect(
        state.lane_size == static_cast<std::int64_t>(accumulators_[k]->lane_size()) &&
            state.rows == accumulators_[k]->rows() &&
            state.lanes.size() == regions * at(state.rows * state.lane_size * settings_.channels),
        "found rows of another size");
  }
  for (std::size_t lane = 0; lane < regions * at(settings_.channels); ++lane) {
    std::int64_t count = 0;
    std::memcpy(&count, rows.states[0].lanes.data() + lane * sizeof count, sizeof count);
    expect(count >= 0, "found a negative number of samples");
  }
  const std::int64_t axes = settings_.geometry_axes;
  expect(rows.pixels.size() == (axes ? regions : 0) && rows.extents.size() == regions * at(axes),
         "found places of another number of regions");
  for (std::size_t region = 0; region < rows.pixels.size(); ++region) {
    expect(rows.pixels[region] >= 0, "found a negative number of pixels");
    for (std::size_t axis = 0; axis < at(axes) && rows.pixels[region]; ++axis) {
      const Extent& extent = rows.extents[region * at(axes) + axis];
      expect(extent.low <= extent.high, "found a region that ends before it begins");
    }
  }
}

void RegionTable::restore(const RegionRows& rows) {
  check_rows(rows);
  std::vector<std::int32_t> slots;
  for (const WideLabel label : rows.labels) {
    const std::vector<std::int32_t> moves = map_.prepare(label);
    if (!moves.empty()) {
      make_room(moves);
      for (std::int32_t& slot : slots) slot = moves[at(slot)];
    }
    slots.push_back(map_.assign(label));
  }
  if (map_.slots() > capacity_) make_room({});
  const std::int64_t channels = settings_.channels;
  for (std::size_t k = 0; k < rows.states.size(); ++k) {
    const StateRows& state = rows.states[k];
    const std::byte* in = state.lanes.data();
    const std::int64_t bytes = channels * state.lane_size;
    for (std::int64_t row = 0; row < state.rows; ++row) {
      for (const std::int32_t slot : slots) {
        std::memcpy(lane_of(lanes_[k], row, slot * channels), in, at(bytes));
        in += bytes;
      }
    }
  }
  const std::int64_t axes = settings_.geometry_axes;
  for (std::size_t region = 0; region < slots.size(); ++region) {
    seen_[at(slots[region])] = 1;
    if (axes == 0) continue;
    pixels_[at(slots[region])] = rows.pixels[region];
    std::copy_n(rows.extents.begin() + static_cast<std::ptrdiff_t>(region) * axes, axes,
                extents_.begin() + slots[region] * axes);
  }
}

}  // namespace boxel
