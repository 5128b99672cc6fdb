// States whose rows merge by adding lane to lane, and may give up what they have taken.

namespace boxel::BOXEL_KERNELS {

// a + b - c modulo 2^n, or in floats of which it is known that nothing is rounded.
template <class S>
BOXEL_INLINE S exchanged(S a, S b, S c) {
  if constexpr (std::is_floating_point_v<S>) {
    return a + b - c;
  } else {
    using U = std::make_unsigned_t<S>;
    return static_cast<S>(static_cast<U>(static_cast<U>(a) + static_cast<U>(b)) -
                          static_cast<U>(c));
  }
}

template <class S>
inline void exchange_row(S* out, const S* from, const S* added, const S* removed,
                         std::int64_t lanes) {
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) out[l] = exchanged(from[l], added[l], removed[l]);
}

template <class To, class From>
inline void widen_lanes(To* out, const From* in, std::int64_t lanes) {
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) out[l] = static_cast<To>(in[l]);
}

// Accumulator::widen() of one row of a state of 8 bytes; the narrower lanes have a sign if its own
// have one.
template <class S>
inline void widen_row(Lanes out, Lanes in, int row, std::size_t lane_size, std::int64_t lanes) {
  constexpr bool has_sign = std::is_signed_v<S>;
  using Half = std::conditional_t<has_sign, std::int32_t, std::uint32_t>;
  using Quarter = std::conditional_t<has_sign, std::int16_t, std::uint16_t>;
  if (lane_size == 4) return widen_lanes(out.row<S>(row), in.row<Half>(row), lanes);
  if (lane_size == 2) return widen_lanes(out.row<S>(row), in.row<Quarter>(row), lanes);
  // Counts alone, which have no sign, are as narrow as that.
  if (lane_size == 1) return widen_lanes(out.row<S>(row), in.row<std::uint8_t>(row), lanes);
  throw std::logic_error("lanes can only be widened");
}

// Rows that merge by adding lane to lane.
template <class S, int Rows>
class AddedRows : public RowsOf<S, Rows> {
  using M = typename Modular<S>::type;

 public:
  void merge_ahead(Lanes out, Lanes in, std::int64_t lanes, std::int64_t step, int terms,
                   double) override {
    for (int row = 0; row < Rows; ++row) {
      merge_row_ahead(out.row<M>(row), in.row<M>(row), lanes, step, terms, Add<M>{});
    }
  }

  void exchange_windows(Lanes out, Lanes in, std::int64_t lanes, std::int64_t size) override {
    for (int row = 0; row < Rows; ++row) {
      BOXEL_KERNELS::exchange_windows(in.row<M>(row), lanes, size, KeptWindows<M>{out.row<M>(row)});
    }
  }

  void widen(Lanes out, Lanes in, std::size_t lane_size, std::int64_t lanes) override {
    if constexpr (std::is_integral_v<S> && sizeof(S) == 8) {
      for (int row = 0; row < Rows; ++row) widen_row<S>(out, in, row, lane_size, lanes);
    } else {
      Accumulator::widen(out, in, lane_size, lanes);
    }
  }

  void exchange_states(Lanes out, Lanes from, Lanes added, Lanes removed,
                       std::int64_t lanes) override {
    for (int row = 0; row < Rows; ++row) {
      exchange_row(out.row<S>(row), from.row<S>(row), added.row<S>(row), removed.row<S>(row),
                   lanes);
    }
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double, double) override {
    for (int row = 0; row < Rows; ++row) {
      add_row(out.row<M>(row), a.row<M>(row), b.row<M>(row), lanes);
    }
  }

  void fold_adjacent(Lanes out, Lanes in, std::int64_t count, int size, double) override {
    for (int row = 0; row < Rows; ++row) {
      fold_row(out.row<M>(row), in.row<M>(row), count, size, Add<M>{});
    }
  }
};

}  // namespace boxel::BOXEL_KERNELS
