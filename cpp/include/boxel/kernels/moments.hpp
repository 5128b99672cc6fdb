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
    if (merge_moves_origin(na, nb)) return merge_into<true>(out, a, b, lanes, na, nb);
    merge_into<false>(out, a, b, lanes, na, nb);
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
  // What lanes hold: V is double, or a vector of them.
  template <class V>
  struct StateOf {
    MeanOf<V> mean;
    V m2;
  };
  using State = StateOf<double>;

  struct Places {
    double* origin;
    double* offset;
    double* m2;
    explicit Places(Lanes state)
        : origin(state.row<double>(origin_row)),
          offset(state.row<double>(offset_row)),
          m2(SecondMoment ? state.row<double>(m2_row) : nullptr) {}
    template <class V>
    BOXEL_INLINE MeanOf<V> mean(std::int64_t l) const {
      return {loaded<V>(origin + l), loaded<V>(offset + l)};
    }
    template <class V>
    BOXEL_INLINE V m2_at(std::int64_t l) const {
      return SecondMoment ? loaded<V>(m2 + l) : V{};
    }
    template <class V>
    BOXEL_INLINE void put(std::int64_t l, const StateOf<V>& state) const {
      std::memcpy(origin + l, &state.mean.origin, sizeof(V));
      std::memcpy(offset + l, &state.mean.offset, sizeof(V));
      if constexpr (SecondMoment) std::memcpy(m2 + l, &state.m2, sizeof(V));
    }
  };

  template <class V>
  static BOXEL_INLINE V loaded(const double* lanes) {
    V v;
    std::memcpy(&v, lanes, sizeof(v));
    return v;
  }

  // Negative where a state is not finite, and neither is the origin that was moved to its mean.
  static BOXEL_INLINE auto sign_of(const StateOf<double>& state) {
    const auto sign = sign_of_finite(std::bit_cast<std::int64_t>(state.mean.offset));
    return SecondMoment ? sign | sign_of_finite(std::bit_cast<std::int64_t>(state.m2)) : sign;
  }
  template <class V>
  static BOXEL_INLINE auto sign_of(const StateOf<V>& state) {
    using Bits = typename Vector<std::int64_t>::type;
    const auto sign = sign_of_finite(reinterpret_cast<Bits>(state.mean.offset));
    return SecondMoment ? sign | sign_of_finite(reinterpret_cast<Bits>(state.m2)) : sign;
  }

  // out[l] = states.near(l), or states.careful(l) where that is not finite. A lane is read before
  // it is written, and so are those behind it in the same rows.
  template <class States>
  static BOXEL_INLINE void put_states(Lanes out, std::int64_t lanes, const States& states) {
    constexpr std::int64_t width = Vector<double>::lanes;
    constexpr int vectors = 4;
    const Places places(out);
    std::int64_t l = 0;
    for (; l + vectors * width <= lanes; l += vectors * width) {
      put_vectors<vectors>(places, l, states);
    }
    for (; l + width <= lanes; l += width) put_vectors<1>(places, l, states);
    for (; l < lanes; ++l) {
      const State near = states.template near<double>(l);
      places.put(l, sign_of(near) < 0 ? states.careful(l) : near);
    }
  }

  template <int Vectors, class States>
  static BOXEL_INLINE void put_vectors(const Places& places, std::int64_t first,
                                       const States& states) {
    using V = typename Vector<double>::type;
    constexpr std::int64_t width = Vector<double>::lanes;
    StateOf<V> near[Vectors];
    typename Vector<std::int64_t>::type signs{};
    for (int k = 0; k < Vectors; ++k) {
      near[k] = states.template near<V>(first + k * width);
      signs |= sign_of(near[k]);
    }
    std::int64_t sign = 0;
    for (int k = 0; k < width; ++k) sign |= signs[k];
    if (sign < 0) return put_carefully<Vectors * width>(places, first, states);
    for (int k = 0; k < Vectors; ++k) places.put(first + k * width, near[k]);
  }

  template <std::int64_t Count, class States>
  static BOXEL_INLINE void put_carefully(const Places& places, std::int64_t first,
                                         const States& states) {
    State put[Count];
    BOXEL_EACH_LANE
    for (std::int64_t k = 0; k < Count; ++k) {
      const State near = states.template near<double>(first + k);
      const State careful = states.careful(first + k);
      const bool is_near = sign_of(near) >= 0;
      put[k] = {select(is_near, near.mean, careful.mean), is_near ? near.m2 : careful.m2};
    }
    for (std::int64_t k = 0; k < Count; ++k) places.put(first + k, put[k]);
  }

  // Of lanes of two states.
  template <bool Moves>
  struct MergedStates {
    Places a;
    Places b;
    double rest;
    double share;
    double weight;

    template <class V>
    BOXEL_INLINE StateOf<V> near(std::int64_t l) const {
      V delta{};
      const MeanOf<V> mean =
          nearly_merged_mean(a.template mean<V>(l), b.template mean<V>(l), share, delta);
      return {Moves ? nearly_centred(mean) : mean, m2(l, delta)};
    }
    BOXEL_INLINE State careful(std::int64_t l) const {
      double delta = 0;
      const Mean mean =
          merged_mean(a.template mean<double>(l), b.template mean<double>(l), rest, share, delta);
      return {Moves ? centred(mean) : mean, m2(l, delta)};
    }

   private:
    template <class V>
    BOXEL_INLINE V m2(std::int64_t l, V delta) const {
      return (a.template m2_at<V>(l) + b.template m2_at<V>(l)) + delta * delta * weight;
    }
  };

  template <bool Moves>
  BOXEL_SHARED static void merge_into(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double na,
                                      double nb) {
    const double share = nb / (na + nb);
    put_states(out, lanes,
               MergedStates<Moves>{Places(a), Places(b), na / (na + nb), share, na * share});
  }

  // Of B lanes, `step` apart, which hold equally many samples, so that their means count alike.
  template <int B, bool Moves>
  struct CombinedStates {
    Places in;
    std::int64_t step;
    double held;

    template <class V>
    BOXEL_INLINE StateOf<V> near(std::int64_t lane) const {
      const StateOf<V> state = combined<V, false>(lane);
      return {Moves ? nearly_centred(state.mean) : state.mean, state.m2};
    }
    BOXEL_INLINE State careful(std::int64_t lane) const {
      const State state = combined<double, true>(lane);
      return {Moves ? centred(state.mean) : state.mean, state.m2};
    }

   private:
    template <class V, bool Careful>
    BOXEL_INLINE StateOf<V> combined(std::int64_t lane) const {
      const MeanOf<V> first = in.template mean<V>(lane);
      const auto at = [this, lane](int k)
                          BOXEL_INLINED { return in.template mean<V>(lane + k * step); };
      V spread{};
      const MeanOf<V> mean = combine_values<B, SecondMoment, Careful>(
          first,
          [=](int k) BOXEL_INLINED {
            return (at(k).offset - first.offset) + (at(k).origin - first.origin);
          },
          [=](int k) BOXEL_INLINED { return at(k).origin + at(k).offset; }, spread);
      if constexpr (!SecondMoment) return {mean, spread};
      const V within = sum_terms<V, 0, B>(
          [=, this](int k) BOXEL_INLINED { return in.template m2_at<V>(lane + k * step); });
      return {mean, within + held * spread};
    }
  };

  template <int B>
  BOXEL_SHARED static void merge_means_ahead(Lanes out, Lanes in, std::int64_t lanes,
                                             std::int64_t step, double held) {
    if (merge_moves_origin(held, held * (B - 1))) {
      return put_states(out, lanes, CombinedStates<B, true>{Places(in), step, held});
    }
    put_states(out, lanes, CombinedStates<B, false>{Places(in), step, held});
  }

  template <int B>
  BOXEL_SHARED static void fold_means(Lanes out, Lanes in, std::int64_t count, double held) {
    const CombinedStates<B, false> states{Places(in), 1, held};
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

  // The sign of a difference of bits, negative unless x is finite: comparisons of doubles make slow
  // reductions. `bits` are those of a double, or of a pack of them.
  template <class Bits>
  static BOXEL_INLINE Bits sign_of_finite(Bits bits) {
    constexpr auto largest = std::bit_cast<std::int64_t>(std::numeric_limits<double>::max());
    constexpr std::int64_t magnitude = std::numeric_limits<std::int64_t>::max();
    return largest - (bits & magnitude);
  }

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
};

}  // namespace boxel::BOXEL_KERNELS
