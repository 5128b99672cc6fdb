// The statistics boxel knows: the only list of their names. Python, the command line and the
// docs read it through the bindings.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "boxel/dtype.hpp"

namespace boxel {

enum class Statistic : std::uint8_t {
  sum,
  mean,
  min,
  max,
  count,
  count_nonzero,
  density,
  any,
  all,
  var,
  std,
  median,
  mode,
};

// What an output's dtype follows from, when the caller asks for none.
enum class ResultRule : std::uint8_t {
  sum,       // int64 or uint64 for integers, else as `floating`
  floating,  // float64; float32 for float16 and float32 input
  input,     // the input's
  count,     // int64
  truth,     // bool
};

struct StatisticInfo {
  Statistic statistic;
  std::string_view name;
  std::string_view numpy_names;  // the NumPy functions that mean the same, space separated
  ResultRule result;
  bool monoid;           // false: gathers the samples of a box, cannot merge, takes no weights
  bool needs_samples;    // min_count applies
  bool empty_has_value;  // with min_count=0 an empty box has a value (a sum is 0)
};

inline constexpr std::array<StatisticInfo, 13> statistics{{
    {Statistic::sum, "sum", "sum", ResultRule::sum, true, true, true},
    {Statistic::mean, "mean", "mean average", ResultRule::floating, true, true, false},
    {Statistic::min, "min", "min amin", ResultRule::input, true, true, false},
    {Statistic::max, "max", "max amax", ResultRule::input, true, true, false},
    {Statistic::count, "count", "size", ResultRule::count, true, false, true},
    {Statistic::count_nonzero, "count_nonzero", "count_nonzero", ResultRule::count, true, false,
     true},
    {Statistic::density, "density", "", ResultRule::floating, true, true, false},
    {Statistic::any, "any", "any", ResultRule::truth, true, false, true},
    {Statistic::all, "all", "all", ResultRule::truth, true, false, true},
    {Statistic::var, "var", "var", ResultRule::floating, true, true, false},
    {Statistic::std, "std", "std", ResultRule::floating, true, true, false},
    {Statistic::median, "median", "median", ResultRule::input, false, true, false},
    {Statistic::mode, "mode", "", ResultRule::input, false, true, false},
}};

constexpr const StatisticInfo& info_of(Statistic statistic) {
  return statistics[static_cast<std::size_t>(statistic)];
}

// An output's dtype when none is asked for.
constexpr DType result_dtype(Statistic statistic, DType input, bool weighted) {
  const DType floating =
      input == DType::float16 || input == DType::float32 ? DType::float32 : DType::float64;
  switch (info_of(statistic).result) {
    case ResultRule::sum:
      if (is_floating(input) || weighted) return floating;
      return is_unsigned(input) ? DType::uint64 : DType::int64;
    case ResultRule::floating:
      return floating;
    case ResultRule::input:
      return input;
    case ResultRule::count:
      return DType::int64;
    case ResultRule::truth:
      return DType::boolean;
  }
  return floating;
}

}  // namespace boxel
