#include "result_writer.hpp"

#include <algorithm>

namespace boxel {
namespace {

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

constexpr std::int64_t value_bytes = 8;

}  // namespace

ResultWriter::ResultWriter(const KernelSet& kernels, const StatePlan& states,
                           const Accumulators& accumulators,
                           const std::vector<BlockOutput>& outputs,
                           const std::vector<LaneLayout>& layouts, ResultRules rules,
                           std::int64_t most_lanes)
    : kernels_(kernels),
      states_(states),
      accumulators_(accumulators),
      outputs_(outputs),
      rules_(rules),
      values_(at(most_lanes * value_bytes)),
      cast_(at(most_lanes * value_bytes)),
      failed_(at(most_lanes)) {
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    storers_.emplace_back(kernels, outputs[k].view, natural(k), layouts[k]);
  }
}

bool ResultWriter::truncates(std::size_t output) const {
  return rules_.whole_means && outputs_[output].statistic == Statistic::mean &&
         !is_floating(outputs_[output].view.dtype);
}

Natural ResultWriter::natural(std::size_t output) const {
  const int state = states_.state_of[output];
  if (state < 0) return Natural::int64;
  const Accumulator& accumulator = *accumulators_[at(state)];
  // The whole mean of 64-bit integers is one of them, as their sum is.
  const bool whole = truncates(output) && accumulator.finishes_whole();
  return accumulator.natural(whole ? Statistic::sum : outputs_[output].statistic);
}

void ResultWriter::write(const Row& row, std::size_t output, std::byte* place) {
  const BlockOutput& target = outputs_[output];
  if (write_as(row, output, place)) return;
  void* direct = storers_[output].direct(place, row.positions);
  auto* values = direct ? static_cast<std::byte*>(direct) : values_.data();
  compute(row, output, values);
  const bool fails = find_failed(row, target.statistic);
  if (!storers_[output].store(place, values, row.positions, row.lanes,
                              fails ? failed_.data() : nullptr,
                              target.has_fill ? target.fill.data() : nullptr, cast_.data())) {
    throw MissingValue(target.statistic, target.view.dtype);
  }
}

bool ResultWriter::goes_straight(std::size_t output, std::byte* place,
                                 std::int64_t positions) const {
  return states_.state_of[output] >= 0 && rules_.min_count <= 1 && !truncates(output) &&
         storers_[output].contiguous(place, positions);
}

bool ResultWriter::write_windows(Lanes extended, const RowWindows& windows, std::int64_t positions,
                                 std::size_t output, std::byte* place) {
  if (!goes_straight(output, place, positions)) return false;
  if (windows.rows > 1 && !goes_straight(output, place + windows.stride, positions)) return false;
  const BlockOutput& target = outputs_[output];
  return accumulators_[at(states_.state_of[output])]->finish_windows_as(
      target.view.dtype, target.statistic, extended, windows, place);
}

// Straight into the output's dtype, where the accumulator knows a short way.
bool ResultWriter::write_as(const Row& row, std::size_t output, std::byte* place) {
  if (row.per_lane || !goes_straight(output, place, row.positions)) return false;
  const BlockOutput& target = outputs_[output];
  const int state = states_.state_of[output];
  const auto size = static_cast<std::int64_t>(size_of(target.view.dtype));
  std::int64_t lane = 0;
  for (const CountRun& run : row.runs) {
    if (!accumulators_[at(state)]->finish_as(target.view.dtype, target.statistic,
                                             row.states[at(state)].from(lane), run.lanes,
                                             run.factor, place + lane * size)) {
      return false;
    }
    lane += run.lanes;
  }
  return true;
}

void ResultWriter::compute(const Row& row, std::size_t output, std::byte* values) {
  if (row.per_lane) return compute_run(row, output, 0, row.lanes, {0, row.per_lane}, values);
  std::int64_t lane = 0;
  for (const CountRun& run : row.runs) {
    compute_run(row, output, lane, run.lanes, {run.factor, nullptr}, values + lane * value_bytes);
    lane += run.lanes;
  }
}

void ResultWriter::compute_run(const Row& row, std::size_t output, std::int64_t lane,
                               std::int64_t lanes, Counts counts, std::byte* values) {
  const Statistic statistic = outputs_[output].statistic;
  const int state = states_.state_of[output];
  if (state < 0) {
    auto* integers = reinterpret_cast<std::int64_t*>(values);
    if (counts.per_lane) {
      std::copy_n(counts.per_lane, lanes, integers);
    } else {
      std::fill_n(integers, lanes, static_cast<std::int64_t>(counts.uniform));
    }
    return;
  }
  Accumulator& accumulator = *accumulators_[at(state)];
  const Lanes held = row.states[at(state)].from(lane);
  if (truncates(output)) {
    if (accumulator.finishes_whole()) return accumulator.finish_whole(held, lanes, counts, values);
    accumulator.finish(statistic, held, lanes, counts, rules_.ddof, values);
    return kernels_.truncate(reinterpret_cast<double*>(values), lanes);
  }
  accumulator.finish(statistic, held, lanes, counts, rules_.ddof, values);
}

// Marks the boxes that hold too few samples; false if there are none.
bool ResultWriter::find_failed(const Row& row, Statistic statistic) {
  const StatisticInfo& info = info_of(statistic);
  if (!info.needs_samples) return false;
  const std::int64_t least = std::max<std::int64_t>(rules_.min_count, info.empty_has_value ? 0 : 1);
  if (row.per_lane) {
    const std::span counts(row.per_lane, at(row.lanes));
    const auto fails = [least](std::int64_t count) { return count < least; };
    if (std::ranges::none_of(counts, fails)) return false;
    std::ranges::transform(counts, failed_.begin(), fails);
    return true;
  }
  bool any = false;
  auto place = failed_.begin();
  for (const CountRun& run : row.runs) {
    const bool fails = run.factor < static_cast<double>(least);
    place = std::fill_n(place, run.lanes, static_cast<std::uint8_t>(fails));
    any |= fails;
  }
  return any;
}

}  // namespace boxel
