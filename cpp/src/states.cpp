#include "boxel/states.hpp"

#include <algorithm>

#include "boxel/rows.hpp"

namespace boxel {
namespace {

constexpr int no_state = -1;

Sample masked_sample(DType dtype) {
  if (is_floating(dtype)) return Sample::float64;
  return is_unsigned(dtype) ? Sample::uint64 : Sample::int64;
}

StateKind variance_kind(DType dtype) {
  if (is_floating(dtype)) return StateKind::moments;
  return size_of(dtype) <= 4 ? StateKind::squares : StateKind::wide_squares;
}

StateKind mean_kind(DType dtype) {
  if (dtype == DType::boolean) return StateKind::nonzero;
  // A float64 sum of float32 samples is so much finer than the samples that its mean stays within
  // their range; one of float64 samples need not, so that their mean goes by differences.
  return dtype == DType::float64 ? StateKind::mean : StateKind::sum;
}

StateKind kind_of(Statistic statistic, DType dtype, bool weighted) {
  switch (statistic) {
    case Statistic::sum:
      if (weighted) return StateKind::weighted;
      return dtype == DType::boolean ? StateKind::nonzero : StateKind::sum;
    case Statistic::mean:
      return weighted ? StateKind::weighted : mean_kind(dtype);
    case Statistic::min:
      return StateKind::min;
    case Statistic::max:
      return StateKind::max;
    case Statistic::count:
      return StateKind::count;
    case Statistic::count_nonzero:
    case Statistic::any:
    case Statistic::all:
      return StateKind::nonzero;
    case Statistic::density:
      return weighted ? StateKind::weighted : StateKind::nonzero;
    case Statistic::var:
    case Statistic::std:
      return weighted ? StateKind::weighted : variance_kind(dtype);
    case Statistic::median:
    case Statistic::mode:
      return StateKind::gathered;
  }
  return StateKind::gathered;
}

// Where boxes slide, sums of floats that can give up samples again take the place of others, and
// squares in two rows that of those in three.
StateKind kind_of_sliding(StateKind kind, Sample sample, double volume) {
  const bool sums = kind == StateKind::sum || kind == StateKind::mean;
  if (sums && sample == Sample::float64) return StateKind::float_sums;
  const bool moments = kind == StateKind::moments && sample == Sample::float32;
  if (moments && volume <= most_float_squares) return StateKind::float_squares;
  const bool squares = kind == StateKind::squares && size_of_sample(sample) <= 2;
  if (squares && volume <= most_short_squares) return StateKind::short_squares;
  return kind;
}

int index_of(std::vector<StateKind>& kinds, StateKind kind) {
  const auto found = std::ranges::find(kinds, kind);
  if (found == kinds.end()) {
    kinds.push_back(kind);
    return static_cast<int>(kinds.size()) - 1;
  }
  return static_cast<int>(found - kinds.begin());
}

}  // namespace

Sample dense_sample(DType dtype) {
  switch (dtype) {
    case DType::boolean:
    case DType::uint8:
      return Sample::uint8;
    case DType::int8:
      return Sample::int8;
    case DType::int16:
      return Sample::int16;
    case DType::int32:
      return Sample::int32;
    case DType::int64:
      return Sample::int64;
    case DType::uint16:
      return Sample::uint16;
    case DType::uint32:
      return Sample::uint32;
    case DType::uint64:
      return Sample::uint64;
    case DType::float16:
    case DType::float32:
      return Sample::float32;
    case DType::float64:
      return Sample::float64;
  }
  return Sample::float64;
}

StatePlan plan_states(const std::vector<Statistic>& wanted, DType dtype, bool masked, bool weighted,
                      double sliding) {
  StatePlan plan{masked ? masked_sample(dtype) : dense_sample(dtype), masked, {}, {}};
  if (masked) plan.kinds.push_back(StateKind::count);
  const auto needs = [&](StateKind kind) {
    return std::ranges::any_of(wanted,
                               [&](Statistic s) { return kind_of(s, dtype, weighted) == kind; });
  };
  for (const Statistic statistic : wanted) {
    StateKind kind = kind_of(statistic, dtype, weighted);
    if (kind == StateKind::count && !masked) {
      plan.state_of.push_back(no_state);
      continue;
    }
    if (sliding > 0 && !masked) kind = kind_of_sliding(kind, plan.sample, sliding);
    // Moments hold the same mean to the bit.
    if (kind == StateKind::mean && needs(StateKind::moments)) kind = StateKind::moments;
    plan.state_of.push_back(index_of(plan.kinds, kind));
  }
  return plan;
}

}  // namespace boxel
