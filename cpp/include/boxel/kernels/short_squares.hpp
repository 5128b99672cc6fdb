// Exact sums of x and x^2 of integers of 8 or 16 bits, for boxes that slide: one row each, of S
// that holds them. What comes out are the bits of Squares.

namespace boxel::BOXEL_KERNELS {

// Squares are kept without a sign, so that those of 8 bits fit 32 as long as they can.
template <class S>
struct ShortSquareRows {
  using U = std::make_unsigned_t<S>;
  const S* sums;
  const U* summed_squares;
  explicit ShortSquareRows(Lanes state) : sums(state.row<S>(0)), summed_squares(state.row<U>(1)) {}

  BOXEL_INLINE std::int64_t sum(std::int64_t l) const { return sums[l]; }
  BOXEL_INLINE std::int64_t high(std::int64_t l) const {
    if constexpr (sizeof(S) <= 4) return 0;
    return static_cast<std::int64_t>(squares(l) >> 32);
  }
  BOXEL_INLINE std::int64_t low(std::int64_t l) const {
    return static_cast<std::int64_t>(squares(l) & 0xffffffffu);
  }
  BOXEL_INLINE std::uint64_t squares(std::int64_t l) const { return summed_squares[l]; }
};

template <class T, class S>
class ShortSquares final : public Untiled<AddedRows<S, 2>> {
  using U = std::make_unsigned_t<S>;

 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    S* sums = state.row<S>(0);
    U* squares = state.row<U>(1);
    for_row_runs(group.count, [&]<int R>(int start) {
      const RowPointers<T, R> rows(group, start);
      const auto sum_at = [=](std::int64_t l) BOXEL_INLINED {
        using G = typename Wider<T>::type;
        return static_cast<S>(
            sum_rows<G, 0, R>(rows.rows, l, [](T x) { return static_cast<G>(x); }));
      };
      const auto squares_at = [=](std::int64_t l) BOXEL_INLINED {
        return sum_rows<U, 0, R>(rows.rows, l, [](T x) { return static_cast<U>(square(x)); });
      };
      if (taken + start == 0) {
        for_strips(rows, lanes, group.ahead, [=](std::int64_t l) BOXEL_INLINED {
          sums[l] = sum_at(l);
          squares[l] = squares_at(l);
        });
      } else {
        for_strips(rows, lanes, group.ahead, [=](std::int64_t l) BOXEL_INLINED {
          sums[l] += sum_at(l);
          squares[l] += squares_at(l);
        });
      }
    });
  }

  Subtraction subtraction() const override { return Subtraction::always; }

  void exchange(Lanes state, const void* added, const void* removed, std::int64_t lanes,
                std::int64_t ahead) override {
    S* sums = state.row<S>(0);
    U* squares = state.row<U>(1);
    const RowPointers<T, 1> in(static_cast<const T*>(added));
    const T* gone = static_cast<const T*>(removed);
    for_strips(in, lanes, ahead, [=](std::int64_t l) BOXEL_INLINED {
      const T x = in.rows[0][l];
      const T y = gone[l];
      sums[l] += static_cast<S>(static_cast<std::int32_t>(x) - static_cast<std::int32_t>(y));
      squares[l] = exchanged(squares[l], static_cast<U>(square(x)), static_cast<U>(square(y)));
    });
  }

  void widen(Lanes out, Lanes in, std::size_t lane_size, std::int64_t lanes) override {
    if constexpr (sizeof(S) == 8) {
      widen_row<S>(out, in, 0, lane_size, lanes);
      widen_row<U>(out, in, 1, lane_size, lanes);
    } else {
      Accumulator::widen(out, in, lane_size, lanes);
    }
  }

  Natural natural(Statistic) const override { return Natural::float64; }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double ddof,
              void* out) override {
    finish_variances<T>(statistic, ShortSquareRows<S>(state), lanes, counts, ddof,
                        static_cast<double*>(out));
  }

 private:
  // 16 and 32 bits hold them, without a sign.
  static BOXEL_INLINE auto square(T x) {
    using Square = std::conditional_t<sizeof(T) == 1, std::uint16_t, std::uint32_t>;
    const auto wide = static_cast<std::uint32_t>(static_cast<std::int32_t>(x));
    return static_cast<Square>(wide * wide);
  }
};

}  // namespace boxel::BOXEL_KERNELS
