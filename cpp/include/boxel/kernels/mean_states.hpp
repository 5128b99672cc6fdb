// States of means by differences, lane by lane or in vectors of lanes, and their merges. The short
// way is taken first: it is right where it ends in what is finite, which nearly all samples do. The
// bits of a lane are the same beside any others.

namespace boxel::BOXEL_KERNELS {

// V is double, or a vector of them. Without a second moment m2 stays 0.
template <class V>
struct MeanState {
  MeanOf<V> mean;
  V m2;
};

template <class V>
BOXEL_INLINE V loaded(const double* lanes) {
  V v;
  std::memcpy(&v, lanes, sizeof(v));
  return v;
}

// A difference of bits, negative unless x is finite: comparisons of doubles make slow reductions.
// `bits` are those of a double, or of a vector of them.
template <class Bits>
BOXEL_INLINE Bits sign_of_finite(Bits bits) {
  constexpr auto largest = std::bit_cast<std::int64_t>(std::numeric_limits<double>::max());
  constexpr std::int64_t magnitude = std::numeric_limits<std::int64_t>::max();
  return largest - (bits & magnitude);
}

template <class V>
BOXEL_INLINE auto sign_of_row(const V& row) {
  using Bits = std::conditional_t<std::is_same_v<V, double>, std::int64_t,
                                  typename Vector<std::int64_t>::type>;
  Bits bits;
  std::memcpy(&bits, &row, sizeof(bits));
  return sign_of_finite(bits);
}

// Negative where a state is not finite. An origin that is not has no finite offset.
template <class V>
BOXEL_INLINE auto sign_of(const MeanState<V>& state) {
  return sign_of_row(state.mean.offset) | sign_of_row(state.m2);
}

// How states of `na` and of fewer samples, `nb`, merge (Chan, Golub and LeVeque, 1979).
struct MergeWeights {
  double rest;
  double share;
  double weight;
  bool moves;

  MergeWeights(double na, double nb)
      : rest(na / (na + nb)),
        share(nb / (na + nb)),
        weight(na * share),
        moves(merge_moves_origin(na, nb)) {}
};

template <bool Moves, class V>
BOXEL_INLINE MeanState<V> nearly_merged(const MeanState<V>& a, const MeanState<V>& b,
                                        const MergeWeights& by) {
  V delta{};
  const MeanOf<V> mean = nearly_merged_mean(a.mean, b.mean, by.share, delta);
  return {Moves ? nearly_centred(mean) : mean, (a.m2 + b.m2) + delta * delta * by.weight};
}

template <bool Moves>
BOXEL_INLINE MeanState<double> carefully_merged(const MeanState<double>& a,
                                                const MeanState<double>& b,
                                                const MergeWeights& by) {
  double delta = 0;
  const Mean mean = merged_mean(a.mean, b.mean, by.rest, by.share, delta);
  return {Moves ? centred(mean) : mean, (a.m2 + b.m2) + delta * delta * by.weight};
}

// The rows of a state; no `m2` without a second moment.
template <bool SecondMoment>
struct MeanPlaces {
  double* origin;
  double* offset;
  double* m2;

  explicit MeanPlaces(Lanes state)
      : origin(state.row<double>(0)),
        offset(state.row<double>(1)),
        m2(SecondMoment ? state.row<double>(2) : nullptr) {}

  template <class V>
  BOXEL_INLINE MeanState<V> at(std::int64_t l) const {
    return {{loaded<V>(origin + l), loaded<V>(offset + l)}, m2_at<V>(l)};
  }
  template <class V>
  BOXEL_INLINE V m2_at(std::int64_t l) const {
    if constexpr (SecondMoment) return loaded<V>(m2 + l);
    return V{};
  }
  template <class V>
  BOXEL_INLINE void put(std::int64_t l, const MeanState<V>& state) const {
    std::memcpy(origin + l, &state.mean.origin, sizeof(V));
    std::memcpy(offset + l, &state.mean.offset, sizeof(V));
    if constexpr (SecondMoment) std::memcpy(m2 + l, &state.m2, sizeof(V));
  }
};

// `States` has near<V>(lane) and careful(lane), of which the second one is right in any case, and
// prefetch(lane), which asks for what is read later.

template <std::int64_t Count, bool SecondMoment, class States>
BOXEL_INLINE void put_carefully(const MeanPlaces<SecondMoment>& places, std::int64_t first,
                                const States& states) {
  MeanState<double> put[Count];
  BOXEL_EACH_LANE
  for (std::int64_t k = 0; k < Count; ++k) {
    const MeanState<double> near = states.template near<double>(first + k);
    const MeanState<double> careful = states.careful(first + k);
    const bool is_near = sign_of(near) >= 0;
    put[k] = {select(is_near, near.mean, careful.mean), is_near ? near.m2 : careful.m2};
  }
  for (std::int64_t k = 0; k < Count; ++k) places.put(first + k, put[k]);
}

template <int Vectors, bool SecondMoment, class States>
BOXEL_INLINE void put_vectors(const MeanPlaces<SecondMoment>& places, std::int64_t first,
                              const States& states) {
  using V = typename Vector<double>::type;
  constexpr std::int64_t width = Vector<double>::lanes;
  MeanState<V> near[Vectors];
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

// A lane is read before it is written, and so are those behind it in the same rows.
template <bool SecondMoment, class States>
BOXEL_INLINE void put_states(Lanes out, std::int64_t lanes, const States& states) {
  constexpr std::int64_t width = Vector<double>::lanes;
  constexpr int vectors = 4;
  const MeanPlaces<SecondMoment> places(out);
  std::int64_t l = 0;
  for (; l + vectors * width <= lanes; l += vectors * width) {
    for (int k = 0; k < vectors * width; k += lanes_of_line<double>) states.prefetch(l + k);
    put_vectors<vectors>(places, l, states);
  }
  for (; l + width <= lanes; l += width) put_vectors<1>(places, l, states);
  for (; l < lanes; ++l) {
    const MeanState<double> near = states.template near<double>(l);
    places.put(l, sign_of(near) < 0 ? states.careful(l) : near);
  }
}

// Of lanes of two states.
template <bool SecondMoment, bool Moves>
struct MergedStates {
  MeanPlaces<SecondMoment> a;
  MeanPlaces<SecondMoment> b;
  MergeWeights by;

  BOXEL_INLINE void prefetch(std::int64_t) const {}
  template <class V>
  BOXEL_INLINE MeanState<V> near(std::int64_t l) const {
    return nearly_merged<Moves>(a.template at<V>(l), b.template at<V>(l), by);
  }
  BOXEL_INLINE MeanState<double> careful(std::int64_t l) const {
    return carefully_merged<Moves>(a.template at<double>(l), b.template at<double>(l), by);
  }
};

// Of lanes of a state and one sample more for each.
template <bool SecondMoment, bool Moves>
struct AppendedStates {
  MeanPlaces<SecondMoment> held;
  const double* samples;
  std::int64_t ahead;  // as in SlotRows
  MergeWeights by;

  BOXEL_INLINE void prefetch(std::int64_t l) const {
    const auto place = reinterpret_cast<std::uintptr_t>(samples + l);
    if (ahead == 0) return;
    __builtin_prefetch(reinterpret_cast<const void*>(place + static_cast<std::uintptr_t>(ahead)));
  }
  template <class V>
  BOXEL_INLINE MeanState<V> near(std::int64_t l) const {
    const MeanState<V> state = held.template at<V>(l);
    const V delta = (loaded<V>(samples + l) - state.mean.origin) - state.mean.offset;
    const MeanOf<V> mean{state.mean.origin, state.mean.offset + delta * by.share};
    return {Moves ? nearly_centred(mean) : mean, state.m2 + spread(delta)};
  }
  BOXEL_INLINE MeanState<double> careful(std::int64_t l) const {
    const MeanState<double> state = held.template at<double>(l);
    const double x = samples[l];
    const Mean near{state.mean.origin, x - state.mean.origin};
    const Mean sample = select(is_finite(near.offset), near, {0.0, x});
    double delta = 0;
    const Mean mean = merged_mean(state.mean, sample, by.rest, by.share, delta);
    // x - x is NaN for the infinite and for NaN: no spread is known there.
    const double m2 = SecondMoment ? (state.m2 + (x - x)) + spread(delta) : 0;
    return {Moves ? centred(mean) : mean, m2};
  }

 private:
  template <class V>
  BOXEL_INLINE V spread(V delta) const {
    if constexpr (SecondMoment) return delta * delta * by.weight;
    return V{};
  }
};

// Of B lanes, `step` apart, which hold equally many samples, so that their means count alike.
template <bool SecondMoment, int B, bool Moves>
struct CombinedStates {
  MeanPlaces<SecondMoment> in;
  std::int64_t step;
  double held;

  BOXEL_INLINE void prefetch(std::int64_t) const {}
  template <class V>
  BOXEL_INLINE MeanState<V> near(std::int64_t lane) const {
    const MeanState<V> state = combined<V, false>(lane);
    return {Moves ? nearly_centred(state.mean) : state.mean, state.m2};
  }
  BOXEL_INLINE MeanState<double> careful(std::int64_t lane) const {
    const MeanState<double> state = combined<double, true>(lane);
    return {Moves ? centred(state.mean) : state.mean, state.m2};
  }

 private:
  template <class V, bool Careful>
  BOXEL_INLINE MeanState<V> combined(std::int64_t lane) const {
    const auto at = [this, lane](int k) BOXEL_INLINED {
      return MeanOf<V>{loaded<V>(in.origin + lane + k * step),
                       loaded<V>(in.offset + lane + k * step)};
    };
    const MeanOf<V> first = at(0);
    V spread{};
    const MeanOf<V> mean = combine_values<B, SecondMoment, Careful>(
        first,
        [=](int k)
            BOXEL_INLINED { return (at(k).offset - first.offset) + (at(k).origin - first.origin); },
        [=](int k) BOXEL_INLINED { return at(k).origin + at(k).offset; }, spread);
    if constexpr (!SecondMoment) return {mean, spread};
    const V within = sum_terms<V, 0, B>(
        [=, this](int k) BOXEL_INLINED { return in.template m2_at<V>(lane + k * step); });
    return {mean, within + held * spread};
  }
};

}  // namespace boxel::BOXEL_KERNELS
