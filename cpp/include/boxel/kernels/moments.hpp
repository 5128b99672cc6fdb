// Mean and M2 (the sum of squared deviations), by differences.
//
// A lane's mean is kept as an origin (its first sample, later the mean so far) and an offset from
// it: at an offset of 1e9 the digits of the spread are not lost in the rounding of the mean. Within
// a group of R <= 8 rows, d = x - (first row of the group): mean = first + sum(d)/R and M2 =
// sum(d^2) - sum(d)^2/R. As d of the first row is 0, sum(d)^2 <= (R-1) sum(d^2): cancellation loses
// at most a factor R, M2 cannot be negative and a constant gives exactly 0. Groups and lanes merge
// by Chan, Golub and LeVeque (1979): M2 = Ma + Mb + delta^2 na nb / n.

namespace boxel::BOXEL_KERNELS {

// SecondMoment false keeps the mean alone (the same bits as with it).
template <class T, bool SecondMoment>
class Moments final
    : public SlotTaker<Moments<T, SecondMoment>, T, double, RowsOf<double, SecondMoment ? 3 : 2>> {
  enum Row { origin_row, offset_row, m2_row };
  using Places = MeanPlaces<SecondMoment>;

 public:
  template <int R>
  static void take_rows(Lanes state, const RowPointers<T, R>& rows, std::int64_t lanes,
                        std::int64_t before, std::int64_t ahead) {
    if (before == 0) {
      add<R, true>(state, rows, lanes, 0, ahead);
    } else {
      add<R, false>(state, rows, lanes, static_cast<double>(before), ahead);
      if (moves_origin(before, R)) {
        centre_lanes(state.row<double>(origin_row), state.row<double>(offset_row), lanes);
      }
    }
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double na, double nb) override {
    // The origin of a light and distant side would round away the digits of the other.
    if (nb > na) return merge(out, b, a, lanes, nb, na);
    const MergeWeights by(na, nb);
    if (by.moves) return merge_into<true>(out, a, b, lanes, by);
    merge_into<false>(out, a, b, lanes, by);
  }

  void append_row(Lanes out, Lanes held, const RowGroup& group, std::int64_t lanes,
                  std::int64_t taken) override {
    if constexpr (std::is_same_v<T, double>) {
      const MergeWeights by(static_cast<double>(taken), 1);
      if (moves_origin(taken, 1)) return append<true>(out, held, group, lanes, by);
      append<false>(out, held, group, lanes, by);
    } else {
      Accumulator::append_row(out, held, group, lanes, taken);
    }
  }

  bool takes_runs() const override { return true; }
  void take_runs(Lanes state, const SampleRuns& runs) override {
    take_packs<Moments, T>(state, runs);
  }

  // R samples of as many runs as a pack has lanes, with the bits of add_near().
  template <int R, bool First>
  static BOXEL_INLINE void take_pack(Lanes state, const Pack* samples, std::int64_t before) {
    double* origins = state.row<double>(origin_row);
    double* offsets = state.row<double>(offset_row);
    const Pack first = samples[0];
    const Pack origin = First ? first : pack_of(origins);
    Pack m2{};
    MeanOf<Pack> mean = combine_values<R, SecondMoment, false>(
        MeanOf<Pack>{origin, first - origin},
        [&](int k) BOXEL_INLINED { return samples[k] - first; },
        [&](int k) BOXEL_INLINED { return samples[k]; }, m2);
    if constexpr (First) {
      if constexpr (moves_origin(0, R)) mean = nearly_centred(mean);
      store_pack(origins, mean.origin);
    } else {
      const auto held = static_cast<double>(before);
      const double share = R / (held + R);
      const Pack held_offset = pack_of(offsets);
      const Pack delta = mean.offset - held_offset;
      mean.offset = held_offset + delta * share;
      if constexpr (SecondMoment) {
        m2 = (pack_of(state.row<double>(m2_row)) + m2) + delta * delta * (held * share);
      }
      // Between the first group and 64 samples there is no power of eight to ask for.
      if (before + R >= 64 && moves_origin(before, R)) {
        mean = nearly_centred(mean);
        store_pack(origins, mean.origin);
      }
    }
    store_pack(offsets, mean.offset);
    if constexpr (SecondMoment) store_pack(state.row<double>(m2_row), m2);
  }

  // Negative where a state is not finite: it stays so once it is.
  static BOXEL_INLINE PackBits pack_signs(Lanes state) {
    const auto sign_of = [&](int row) BOXEL_INLINED {
      return sign_of_finite(reinterpret_cast<PackBits>(pack_of(state.row<double>(row))));
    };
    if constexpr (!SecondMoment) return sign_of(offset_row);
    return sign_of(offset_row) | sign_of(m2_row);
  }

  // A mean of nothing is no number that a later merge could take without asking.
  bool has_empty() const override { return false; }
  void clear(Lanes, std::int64_t) override {
    throw std::logic_error("moments without counts have no empty state");
  }

  void fold_adjacent(Lanes out, Lanes in, std::int64_t count, int size, double held) override {
    switch (size) {
      case 2:
        return fold_means<2>(out, in, count, held);
      case 3:
        return fold_means<3>(out, in, count, held);
      case 4:
        return fold_means<4>(out, in, count, held);
      case 5:
        return fold_means<5>(out, in, count, held);
      case 8:
        return fold_means<8>(out, in, count, held);
      default:
        throw std::logic_error("this number of adjacent lanes is not folded at once");
    }
  }

  // All at once, which takes little more than a merge of two.
  void merge_ahead(Lanes out, Lanes in, std::int64_t lanes, std::int64_t step, int terms,
                   double held) override {
    if (terms == 2) return merge(out, in, in.from(step), lanes, held, held);
    if (terms == 3) return merge_means_ahead<3>(out, in, lanes, step, held);
    merge_means_ahead<4>(out, in, lanes, step, held);
  }

  bool scans_windows(std::int64_t size) const override {
    using Windows = MeanWindows<SecondMoment>;
    return Windows::smallest <= size && size <= Windows::longest;
  }
  void scan_windows(Lanes out, std::int64_t out_pitch, Lanes in, const WindowRows& rows) override {
    if (!windows_ || !windows_->serves(rows.size, rows.held)) {
      windows_ = std::make_unique<MeanWindows<SecondMoment>>(rows.size, rows.held);
    }
    windows_->put(out, out_pitch, in, rows.pitch, rows.count, rows.lanes, rows.first);
  }

  void take_constant(Lanes state, std::int64_t lanes, Value value, double times,
                     double held) override {
    const double rest = held / (held + times);
    const double share = times / (held + times);
    const double x = value.floating;
    const Mean constant{origin_of(x), x - origin_of(x)};
    for (std::int64_t l = 0; l < lanes; ++l) {
      double& origin = state.row<double>(origin_row)[l];
      double& offset = state.row<double>(offset_row)[l];
      double delta = 0;
      const Mean merged = anchored_mean({origin, offset}, constant, rest, share, delta);
      origin = merged.origin;
      offset = merged.offset;
      if constexpr (SecondMoment) {
        // x - x is NaN for the infinite and for NaN: no spread is known there.
        state.row<double>(m2_row)[l] += delta * delta * (held * share) + (x - x);
      }
    }
  }

  Natural natural(Statistic) const override { return Natural::float64; }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double ddof,
              void* out) override {
    auto* values = static_cast<double*>(out);
    if (statistic == Statistic::mean) {
      const double* origin = state.row<double>(origin_row);
      const double* offset = state.row<double>(offset_row);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) values[l] = origin[l] + offset[l];
      return;
    }
    if constexpr (SecondMoment) {
      const double* m2 = state.row<double>(m2_row);
      const double freedom = counts.uniform - ddof;
      if (statistic == Statistic::std) {
        BOXEL_EACH_LANE
        for (std::int64_t l = 0; l < lanes; ++l) values[l] = spread<true>(m2[l], freedom);
      } else {
        BOXEL_EACH_LANE
        for (std::int64_t l = 0; l < lanes; ++l) values[l] = spread<false>(m2[l], freedom);
      }
    }
  }

 private:
  template <bool Moves>
  BOXEL_SHARED static void merge_into(Lanes out, Lanes a, Lanes b, std::int64_t lanes,
                                      const MergeWeights& by) {
    put_states<SecondMoment>(out, lanes,
                             MergedStates<SecondMoment, Moves>{Places(a), Places(b), by});
  }

  template <bool Moves>
  BOXEL_SHARED static void append(Lanes out, Lanes held, const RowGroup& group, std::int64_t lanes,
                                  const MergeWeights& by) {
    const auto* samples = static_cast<const double*>(group.samples[0]);
    put_states<SecondMoment>(
        out, lanes, AppendedStates<SecondMoment, Moves>{Places(held), samples, group.ahead, by});
  }

  template <int B>
  BOXEL_SHARED static void merge_means_ahead(Lanes out, Lanes in, std::int64_t lanes,
                                             std::int64_t step, double held) {
    if (merge_moves_origin(held, held * (B - 1))) {
      return put_states<SecondMoment>(
          out, lanes, CombinedStates<SecondMoment, B, true>{Places(in), step, held});
    }
    put_states<SecondMoment>(out, lanes,
                             CombinedStates<SecondMoment, B, false>{Places(in), step, held});
  }

  template <int B>
  BOXEL_SHARED static void fold_means(Lanes out, Lanes in, std::int64_t count, double held) {
    const CombinedStates<SecondMoment, B, false> states{Places(in), 1, held};
    const Places to(out);
    BOXEL_EACH_LANE
    for (std::int64_t j = 0; j < count; ++j) to.put(j, states.careful(j * B));
    if (merge_moves_origin(held, held * (B - 1))) centre_lanes(to.origin, to.offset, count);
  }

  // Lanes that are looked at together for whether all went well.
  static constexpr std::int64_t strip_lanes = 256;

  // Nearly all samples are finite and lie close together: they take the short way. A lane whose new
  // state is not finite keeps its old one and goes the careful way after that; the bits of the
  // others are the same in both.
  template <int R, bool First>
  BOXEL_SHARED static void add(Lanes state, const RowPointers<T, R>& rows, std::int64_t lanes,
                               double before, std::int64_t ahead) {
    const Shares shares{before / (before + R), R / (before + R)};
    std::int64_t signs[strip_lanes];
    for (std::int64_t start = 0; start < lanes; start += strip_lanes) {
      const std::int64_t strip = std::min(strip_lanes, lanes - start);
      const RowPointers<T, R> here = rows.from(start);
      const Lanes part = state.from(start);
      const double weight = before * shares.share;
      if (!add_near<R, First>(part, here, strip, shares, weight, ahead, signs)) {
        add_carefully<R, First>(part, here, strip, shares, weight, signs);
      }
    }
  }

  // Of the samples held so far, and of those that are taken.
  struct Shares {
    double rest;
    double share;
  };

  // Returns whether all of the new state is finite; signs[l] is negative where that of a lane is
  // not.
  template <int R, bool First>
  static bool add_near(Lanes state, const RowPointers<T, R>& rows, std::int64_t lanes,
                       Shares shares, double weight, std::int64_t ahead, std::int64_t* signs) {
    double* origins = state.row<double>(origin_row);
    double* offsets = state.row<double>(offset_row);
    double* m2s = SecondMoment ? state.row<double>(m2_row) : nullptr;
    std::int64_t all[lanes_of_line<T>] = {};
    const auto add_lane = [&](std::int64_t l, std::int64_t in_line) BOXEL_INLINED {
      const auto sample = [&](int k) BOXEL_INLINED { return static_cast<double>(rows.rows[k][l]); };
      const double first = sample(0);
      const double origin = First ? first : origins[l];
      // Read whether they are needed or not: else compilers store in part, which is slow.
      const double held_offset = First ? 0.0 : offsets[l];
      const double held_m2 = First || !SecondMoment ? 0.0 : m2s[l];
      double m2 = 0;
      Mean mean = combine_values<R, SecondMoment, false>(
          {origin, first - origin}, [&](int k) { return sample(k) - first; }, sample, m2);
      if constexpr (First) {
        if constexpr (moves_origin(0, R)) mean = nearly_centred(mean);
        origins[l] = mean.origin;
      } else {
        const double delta = mean.offset - held_offset;
        mean.offset = held_offset + delta * shares.share;
        if constexpr (SecondMoment) m2 = (held_m2 + m2) + delta * delta * weight;
      }
      std::int64_t sign = sign_of_finite(std::bit_cast<std::int64_t>(mean.offset));
      if constexpr (SecondMoment) {
        sign |= sign_of_finite(std::bit_cast<std::int64_t>(m2));
        m2s[l] = First || sign >= 0 ? m2 : held_m2;
      }
      offsets[l] = First || sign >= 0 ? mean.offset : held_offset;
      signs[l] = sign;
      all[in_line] |= sign;
    };
    for_lines(rows, lanes, ahead, add_lane);
    std::int64_t sign = 0;
    for (const std::int64_t lane_sign : all) sign |= lane_sign;
    return sign >= 0;
  }

  // Takes the samples into the lanes whose sign is negative.
  template <int R, bool First>
  static void add_carefully(Lanes state, const RowPointers<T, R>& rows, std::int64_t lanes,
                            Shares shares, double weight, const std::int64_t* signs) {
    double* origins = state.row<double>(origin_row);
    double* offsets = state.row<double>(offset_row);
    double* m2s = SecondMoment ? state.row<double>(m2_row) : nullptr;
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const auto sample = [&](int k) { return static_cast<double>(rows.rows[k][l]); };
      const double first = sample(0);
      const double origin = First ? origin_of(first) : origins[l];
      double m2 = 0;
      Mean mean = combine_values<R, SecondMoment, true>(
          {origin, first - origin}, [&](int k) { return sample(k) - first; }, sample, m2);
      if constexpr (First) {
        if constexpr (moves_origin(0, R)) mean = centred(mean);
      } else {
        double delta = 0;
        mean = merged_mean({origin, offsets[l]}, mean, shares.rest, shares.share, delta);
        if constexpr (SecondMoment) m2 = (m2s[l] + m2) + delta * delta * weight;
      }
      const bool mine = signs[l] < 0;
      if constexpr (SecondMoment) m2s[l] = mine ? m2 : m2s[l];
      offsets[l] = mine ? mean.offset : offsets[l];
      origins[l] = mine ? mean.origin : origins[l];
    }
  }

  std::unique_ptr<MeanWindows<SecondMoment>> windows_;
};

}  // namespace boxel::BOXEL_KERNELS
