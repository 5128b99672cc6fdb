// Float32 samples as whole numbers of a unit, and their sums in 32 bits.

namespace boxel::BOXEL_KERNELS {

// Of a sample that is known to be such a number.
BOXEL_INLINE std::int32_t known_units(float sample, float scale) {
  return static_cast<std::int32_t>(sample * scale);
}

// Leaves bits in `rest` where a sample is no whole number of units, or beyond `least` or `most`. It
// is cut to these before it is cast: no integer stands for NaN and what is far too large.
BOXEL_INLINE std::int32_t checked_units(float sample, float scale, float least, float most,
                                        std::int32_t& rest) {
  const float scaled = sample * scale;
  const float above = scaled > least ? scaled : least;
  const auto units = static_cast<std::int32_t>(above < most ? above : most);
  // 0.0 where they are equal, for zeros of both signs.
  rest |= std::bit_cast<std::int32_t>(static_cast<float>(units) - scaled);
  return units;
}

// Takes rows of a group into sums: taken(x) is what a sample or a sum counts for.
template <class S, class T, class Taken>
BOXEL_INLINE void take_unit_rows(S* sums, const RowGroup& group, std::int64_t lanes,
                                 std::int64_t before, Taken taken) {
  for_row_runs(group.count, [&]<int R>(int start) BOXEL_INLINED {
    const RowPointers<T, R> rows(group, start);
    if (before + start == 0) {
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) sums[l] = sum_rows<S, 0, R>(rows.rows, l, taken);
    } else {
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) sums[l] += sum_rows<S, 0, R>(rows.rows, l, taken);
    }
  });
}

inline void take_units(const Units& units, std::int32_t* sums, const RowGroup& group,
                       std::int64_t lanes, std::int64_t taken) {
  const float scale = units.scale;
  take_unit_rows<std::int32_t, float>(sums, group, lanes, taken,
                                      [=](float x) BOXEL_INLINED { return known_units(x, scale); });
}

inline void take_unit_sums(const Units& units, double* out, const RowGroup& group,
                           std::int64_t lanes, std::int64_t taken) {
  const double unit = units.unit;
  take_unit_rows<double, std::int32_t>(out, group, lanes, taken,
                                       [=](std::int32_t x) BOXEL_INLINED { return unit * x; });
}

inline bool exchange_units(const Units& units, std::int32_t* sums, const float* added,
                           const float* removed, std::int64_t lanes, std::int64_t ahead) {
  const float scale = units.scale;
  const float least = units.least;
  const float most = units.most;
  const RowPointers<float, 2> rows(added, removed);
  std::int32_t rest = 0;
  for_strips(rows, lanes, ahead, [&](std::int64_t l) BOXEL_INLINED {
    sums[l] += checked_units(added[l], scale, least, most, rest) - known_units(removed[l], scale);
  });
  return rest == 0;
}

inline void exchange_unit_sums(const Units& units, double* out, const double* from,
                               const std::int32_t* added, const std::int32_t* removed,
                               std::int64_t lanes) {
  const double unit = units.unit;
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) out[l] = from[l] + unit * (added[l] - removed[l]);
}

inline void sum_fours(const Units& units, double* fours, const double* sums, std::int64_t lanes) {
  const double scale = 1 / units.unit;
  double sum = 0;
  for (std::int64_t l = 0; l < std::min<std::int64_t>(lanes, 3); ++l) {
    sum += sums[l];
    fours[l] = scale * sum;
  }
  BOXEL_EACH_LANE
  for (std::int64_t l = 3; l < lanes; ++l) {
    fours[l] = scale * ((sums[l] + sums[l - 1]) + (sums[l - 2] + sums[l - 3]));
  }
}

// Calls set(to, from) for the lanes of an extended row.
template <class Set>
BOXEL_INLINE void for_extended_lanes(const RowExtension& extension, Set set) {
  for (const LaneCopy& copy : extension.copies) for_copied_lanes(copy, set);
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < extension.lanes; ++l) set(l, l);
}

inline void exchange_fours(double* fours, std::int32_t* changes, const std::int32_t* added,
                           const std::int32_t* removed, const RowExtension& extension) {
  std::int32_t* body = changes + extension.to;
  for_extended_lanes(extension, [=](std::int64_t to, std::int64_t from)
                                    BOXEL_INLINED { body[to] = added[from] - removed[from]; });
  // Each lane is loaded four times: to shuffle it takes as many instructions, and all of them wait
  // for the same ports.
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < extension.extended_lanes; ++l) {
    fours[l] += (changes[l] + changes[l - 1]) + (changes[l - 2] + changes[l - 3]);
  }
}

// In steps of four lanes at least: what came in since the last one is a four, or two of them. The
// first windows begin among the zeros before the row, where their fours are those of windows that
// are cut.
inline void slide_fours(float* means, const double* fours, std::int64_t lanes, std::int64_t size,
                        const ExactDivisor& divisor) {
  using V = Vector<double>::type;
  constexpr std::int64_t width = Vector<double>::lanes;
  constexpr int vectors = width < 4 ? 4 / static_cast<int>(width) : 1;
  constexpr std::int64_t step = vectors * width;
  static_assert(2 * width <= zeros_before_fours && step <= zeros_before_fours);
  const FinishedWindows<double, ExactFloatQuotient> store{means, {divisor}};
  const auto changes_at = [=](std::int64_t l) BOXEL_INLINED {
    return load_vector(fours + l + size - 1) - load_vector(fours + l - 1);
  };
  V windows[vectors]{};
  for (std::int64_t last = size - 1 - step; last > -step; last -= 4) {
    for (int k = 0; k < vectors; ++k) windows[k] += load_vector(fours + last + k * width);
  }
  V before[8]{changes_at(-width)};
  const auto advance = [&](int k, std::int64_t lane) BOXEL_INLINED {
    windows[k] += trailing_sums<double, 4>(changes_at(lane), before);
  };
  std::int64_t l = 0;
  for (; l + step <= lanes; l += step) {
    for (int k = 0; k < vectors; ++k) {
      advance(k, l + k * width);
      store.put(means + l + k * width, windows[k]);
    }
  }
  for (int k = 0; k < vectors && l < lanes; ++k, l += width) {
    advance(k, l);
    store_rest(store, l, windows[k], std::min(lanes - l, width));
  }
}

inline void sum_unit_rows(std::int32_t* extended, const RowGroup& group,
                          const RowExtension& extension) {
  std::int32_t* body = extended + extension.to;
  for_row_runs(group.count, [&]<int R>(int start) BOXEL_INLINED {
    const RowPointers<std::int32_t, R> rows(group, start);
    const auto sum_at = [&rows](std::int64_t l) BOXEL_INLINED {
      return sum_rows<std::int32_t, 0, R>(rows.rows, l, [](std::int32_t x) { return x; });
    };
    for_extended_lanes(extension, [=](std::int64_t to, std::int64_t from)
                                      BOXEL_INLINED { body[to] = sum_at(from); });
  });
}

// Not slide_windows(): compilers make less of its vectors of integers, a tenth of all the time.
template <int Terms>
BOXEL_INLINE void slide_lanes_of(float* means, const std::int32_t* extended, std::int64_t lanes,
                                 const ExactDivisor& divisor) {
  const ExactFloatQuotient mean{divisor};
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    std::int32_t sum = extended[l];
    for (int k = 1; k < Terms; ++k) sum += extended[l + k];
    means[l] = mean(sum);
  }
}

inline void slide_lanes(float* means, const std::int32_t* extended, std::int64_t lanes,
                        std::int64_t size, const ExactDivisor& divisor) {
  switch (size) {
    case 1:
      return slide_lanes_of<1>(means, extended, lanes, divisor);
    case 2:
      return slide_lanes_of<2>(means, extended, lanes, divisor);
    case 3:
      return slide_lanes_of<3>(means, extended, lanes, divisor);
    case 4:
      return slide_lanes_of<4>(means, extended, lanes, divisor);
    default:
      return slide_lanes_of<5>(means, extended, lanes, divisor);
  }
}

inline constexpr UnitSums unit_sums{take_units,         exchange_units, take_unit_sums,
                                    exchange_unit_sums, sum_fours,      exchange_fours,
                                    slide_fours,        sum_unit_rows,  slide_lanes};

}  // namespace boxel::BOXEL_KERNELS
