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

inline constexpr UnitSums unit_sums{take_units, exchange_units, take_unit_sums, exchange_unit_sums};

}  // namespace boxel::BOXEL_KERNELS
