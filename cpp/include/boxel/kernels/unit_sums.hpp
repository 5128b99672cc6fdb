// Float32 samples as whole numbers of a unit, and their sums in 32 bits.

namespace boxel::BOXEL_KERNELS {

// Of a sample that was found to be such a number.
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

// Takes rows of a group into sums: units_of(x) is what a sample or a sum counts for, `unit` times.
template <class S, class T, class UnitsOf>
BOXEL_INLINE void take_unit_rows(S* sums, const RowGroup& group, std::int64_t lanes,
                                 std::int64_t before, S unit, UnitsOf units_of) {
  for_row_runs(group.count, [&]<int R>(int start) BOXEL_INLINED {
    const RowPointers<T, R> rows(group, start);
    const auto sum_at = [&](std::int64_t l) BOXEL_INLINED {
      return unit * sum_rows<S, 0, R>(rows.rows, l, units_of);
    };
    if (before + start == 0) {
      for_strips(rows, lanes, group.ahead,
                 [&](std::int64_t l) BOXEL_INLINED { sums[l] = sum_at(l); });
    } else {
      for_strips(rows, lanes, group.ahead,
                 [&](std::int64_t l) BOXEL_INLINED { sums[l] += sum_at(l); });
    }
  });
}

inline bool take_units(const Units& units, std::int32_t* sums, const RowGroup& group,
                       std::int64_t lanes, std::int64_t taken, int times) {
  const float scale = units.scale;
  const float least = units.least;
  const float most = units.most;
  std::int32_t rest = 0;
  take_unit_rows<std::int32_t, float>(sums, group, lanes, taken, times, [&](float x) BOXEL_INLINED {
    return checked_units(x, scale, least, most, rest);
  });
  return rest == 0;
}

inline void take_unit_sums(const Units& units, double* out, const RowGroup& group,
                           std::int64_t lanes, std::int64_t taken, int times) {
  take_unit_rows<double, std::int32_t>(out, group, lanes, taken, times * units.unit,
                                       [](std::int32_t x)
                                           BOXEL_INLINED { return static_cast<double>(x); });
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

// Extends a row by copies of its lanes: lane to of it becomes at(from).
template <class T, class At>
BOXEL_INLINE void copy_lanes(T* row, std::span<const LaneCopy> copies, At at) {
  for (const LaneCopy& copy : copies) {
    for_copied_lanes(copy,
                     [=](std::int64_t to, std::int64_t from) BOXEL_INLINED { row[to] = at(from); });
  }
}

// Returns false where sums of four differences might not fit into 32 bits.
template <bool Fit>
BOXEL_INLINE bool take_changes(std::int32_t* changes, const std::int32_t* added,
                               const std::int32_t* removed, const RowExtension& extension) {
  constexpr std::uint32_t most = 1U << 29;
  std::uint32_t above = 0;
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < extension.lanes; ++l) {
    changes[l] = added[l] - removed[l];
    if constexpr (!Fit) above |= static_cast<std::uint32_t>(changes[l]) + most;
  }
  copy_lanes(changes, extension.copies,
             [changes](std::int64_t l) BOXEL_INLINED { return changes[l]; });
  return above < 2 * most;
}

// Each lane is loaded four times: to shuffle it takes as many instructions, and all of them wait
// for the same ports.
template <class S>
BOXEL_INLINE void add_fours(double* fours, const std::int32_t* changes,
                            std::span<const LaneRun> runs) {
  const auto change = [changes](std::int64_t l)
                          BOXEL_INLINED { return static_cast<S>(changes[l]); };
  for (const LaneRun& run : runs) {
    BOXEL_EACH_LANE
    for (std::int64_t l = run.first; l < run.end; ++l) {
      fours[l] += (change(l) + change(l - 1)) + (change(l - 2) + change(l - 3));
    }
  }
}

inline void exchange_fours(double* fours, std::int32_t* changes, const std::int32_t* added,
                           const std::int32_t* removed, const FourExtension& extension, bool fit) {
  const bool are_narrow = fit ? take_changes<true>(changes, added, removed, extension.lanes)
                              : take_changes<false>(changes, added, removed, extension.lanes);
  if (are_narrow) {
    add_fours<std::int32_t>(fours, changes, extension.summed);
  } else {
    add_fours<double>(fours, changes, extension.summed);
  }
  copy_lanes(fours, extension.copies, [fours](std::int64_t l) BOXEL_INLINED { return fours[l]; });
}

// Vectors at lane `last` and every fourth before it, down to `end`, which does not count.
BOXEL_INLINE Vector<double>::type sum_every_fourth(const double* fours, std::int64_t last,
                                                   std::int64_t end) {
  constexpr int chains = 4;
  Vector<double>::type sums[chains]{};
  for (; last - 4 * (chains - 1) > end; last -= 4 * chains) {
    for (int k = 0; k < chains; ++k) sums[k] += load_vector(fours + last - 4 * k);
  }
  for (; last > end; last -= 4) sums[0] += load_vector(fours + last);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// Beside the means from `lane` on.
BOXEL_INLINE void ask_ahead(const RowsAhead& ahead, std::int64_t lane) {
  const std::int64_t byte = lane * static_cast<std::int64_t>(sizeof(float));
  __builtin_prefetch(ahead.samples + byte);
  __builtin_prefetch(ahead.results + byte, 1);
}

// In steps of four lanes at least: what came in since the last one is a four, or two of them. The
// first windows begin among the zeros before the row, where their fours are those of windows that
// are cut.
inline void slide_fours(float* means, const double* fours, std::int64_t lanes, std::int64_t size,
                        const ExactDivisor& divisor, const RowsAhead& ahead) {
  using V = Vector<double>::type;
  constexpr std::int64_t width = Vector<double>::lanes;
  constexpr int vectors = width < 4 ? 4 / static_cast<int>(width) : 1;
  constexpr std::int64_t step = vectors * width;
  static_assert(2 * width <= zeros_before_fours && step <= zeros_before_fours);
  const FinishedWindows<double, ExactFloatQuotient> store{means, {divisor}};
  const auto changes_at = [=](std::int64_t l) BOXEL_INLINED {
    return load_vector(fours + l + size - 1) - load_vector(fours + l - 1);
  };
  V windows[vectors];
  for (int k = 0; k < vectors; ++k) {
    windows[k] = sum_every_fourth(fours + k * width, size - 1 - step, -step);
  }
  V before[8]{changes_at(-width)};
  const auto came_in = [&](std::int64_t lane) BOXEL_INLINED {
    return trailing_sums<double, 4>(changes_at(lane), before);
  };
  std::int64_t l = 0;
  // Two steps together, so that only every other one waits for the windows before.
  for (; l + 2 * step <= lanes; l += 2 * step) {
    ask_ahead(ahead, l);
    for (int k = 0; k < vectors; ++k) {
      const std::int64_t lane = l + k * width;
      const V first = came_in(lane);
      const V both = first + came_in(lane + step);
      store.put(means + lane, windows[k] + first);
      windows[k] += both;
      store.put(means + lane + step, windows[k]);
    }
  }
  for (; l < lanes; l += step) {
    for (int k = 0; k < vectors; ++k) {
      const std::int64_t lane = l + k * width;
      if (lane >= lanes) break;
      windows[k] += came_in(lane);
      store_rest(store, lane, windows[k], std::min(lanes - lane, width));
    }
  }
}

inline void sum_unit_rows(std::int32_t* sums, const RowGroup& group,
                          const RowExtension& extension) {
  for_row_runs(group.count, [&]<int R>(int start) BOXEL_INLINED {
    const RowPointers<std::int32_t, R> rows(group, start);
    const auto sum_at = [&rows](std::int64_t l) BOXEL_INLINED {
      return sum_rows<std::int32_t, 0, R>(rows.rows, l, [](std::int32_t x) { return x; });
    };
    copy_lanes(sums, extension.copies, sum_at);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < extension.lanes; ++l) sums[l] = sum_at(l);
  });
}

// Not slide_windows(): compilers make less of its vectors of integers, a tenth of all the time.
template <int Terms>
BOXEL_INLINE void slide_lanes_of(float* means, const std::int32_t* extended, std::int64_t lanes,
                                 const ExactDivisor& divisor, const RowsAhead& ahead) {
  constexpr std::int64_t line = lanes_of_line<float>;
  const ExactFloatQuotient mean{divisor};
  const auto put = [=](std::int64_t l) BOXEL_INLINED {
    std::int32_t sum = extended[l];
    for (int k = 1; k < Terms; ++k) sum += extended[l + k];
    means[l] = mean(sum);
  };
  std::int64_t start = 0;
  for (; start + line <= lanes; start += line) {
    ask_ahead(ahead, start);
    BOXEL_EACH_LANE_OF_LINE
    for (std::int64_t l = 0; l < line; ++l) put(start + l);
  }
  BOXEL_EACH_LANE
  for (std::int64_t l = start; l < lanes; ++l) put(l);
}

inline void slide_lanes(float* means, const std::int32_t* extended, std::int64_t lanes,
                        std::int64_t size, const ExactDivisor& divisor, const RowsAhead& ahead) {
  switch (size) {
    case 1:
      return slide_lanes_of<1>(means, extended, lanes, divisor, ahead);
    case 2:
      return slide_lanes_of<2>(means, extended, lanes, divisor, ahead);
    case 3:
      return slide_lanes_of<3>(means, extended, lanes, divisor, ahead);
    case 4:
      return slide_lanes_of<4>(means, extended, lanes, divisor, ahead);
    default:
      return slide_lanes_of<5>(means, extended, lanes, divisor, ahead);
  }
}

inline constexpr UnitSums unit_sums{take_units,         exchange_units, take_unit_sums,
                                    exchange_unit_sums, sum_fours,      exchange_fours,
                                    slide_fours,        sum_unit_rows,  slide_lanes};

}  // namespace boxel::BOXEL_KERNELS
