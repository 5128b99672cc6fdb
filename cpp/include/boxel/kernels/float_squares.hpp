// Sums of x and x^2 of float32 samples, for boxes that slide: the variance comes from n sum(x^2) -
// sum(x)^2, as it does for integers.
//
// The square of a float32 has 48 bits and is a double. Sums are kept in parts whose exact total
// counts: as double-doubles, which merge by Knuth's sum of two (1969); or, where a Grid proves that
// no sum of a part is rounded, in parts that were split at fixed places (Splits), or as whole
// numbers of a unit (SquareUnits). What comes out depends on the totals alone, not on how they are
// kept.
//
// With 106 bits, n sum(x^2) - sum(x)^2 loses nothing that matters: the spread of float32 samples
// cancels at most 48 of them. That of a constant is 0 exactly for up to 2^26 samples.

namespace boxel::BOXEL_KERNELS {

class FloatSquares final : public SplitSums<FloatSquares, 6> {
  // Sums of x in up to two parts, of x^2 in up to four; in one row each in units.
  static constexpr int x_row = 0;
  static constexpr int square_row = 2;

 public:
  // `window`: the most lanes of a row that are merged, by windows alone (StateRequest).
  explicit FloatSquares(double window) : window_(window) {}

  // Two in units, three to five in parts.
  int usual_rows() const override { return 4; }

  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    if (units_) return unit_rows(state).take(group, units_, lanes, taken);
    for (int k = 0; k < group.count; ++k) {
      const auto* row = static_cast<const float*>(group.samples[static_cast<std::size_t>(k)]);
      const bool first = taken + k == 0;
      if (merges()) {
        take_merged(state, row, lanes, first);
      } else {
        with_parts([&]<int X, int Q>()
                       BOXEL_INLINED { take_split<X, Q>(state, row, lanes, first); });
      }
    }
  }

  static void merge_whole(Lanes out, Lanes a, Lanes b, std::int64_t lanes) {
    for (const int row : {x_row, square_row}) {
      double* high = out.row<double>(row);
      double* low = out.row<double>(row + 1);
      const double* a_high = a.row<double>(row);
      const double* a_low = a.row<double>(row + 1);
      const double* b_high = b.row<double>(row);
      const double* b_low = b.row<double>(row + 1);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const Parts2 sum = add_parts(Parts2{a_high[l], a_low[l]}, Parts2{b_high[l], b_low[l]});
        high[l] = sum.high;
        low[l] = sum.low;
      }
    }
  }

  // Whether states are double-doubles, which give up nothing.
  bool merges() const { return x_splits_.parts == 0 && !units_; }

  template <class Visit>
  void for_used_rows(Visit&& visit) const {
    if (units_) {
      visit(UsedRow<double>{x_row});
      visit(UsedRow<std::uint64_t>{square_row});
    }
    for (int k = 0; k < x_splits_.parts; ++k) visit(UsedRow<double>{x_row + k});
    for (int k = 0; k < square_splits_.parts; ++k) visit(UsedRow<double>{square_row + k});
  }

  template <class Visit>
  void for_windows(Visit&& visit) const {
    if (!units_.halves()) {
      return for_used_rows([&]<class S>(UsedRow<S> row) { visit(RowScan<S>{row, row}); });
    }
    constexpr UsedRow<std::uint64_t> squares{square_row};
    visit(RowScan<double>{{x_row}, {x_row}});
    visit(RowScan<std::uint64_t, HighHalves>{squares, squares});
    visit(RowScan<std::uint64_t, LowHalves>{squares, {square_row + 1}});
  }

  bool may_exchange(const Grid& grid, double samples) const override {
    if (units_) return units_.exact(grid, samples);
    return !merges() && x_splits_.exact(grid, samples) &&
           square_splits_.exact(squared(grid), samples);
  }

  // In as few rows as serve, with room for samples that come later where that takes no more.
  bool begin_exchanges(const Grid& grid, double samples) override {
    end_exchanges();
    for (const double window : {1.0, window_}) {
      units_ = SquareUnits::placed(grid, samples, window);
      if (units_) return true;
    }
    if (try_parts(1, 2, grid, samples * spare)) return true;
    if (try_parts(1, 2, grid, samples)) return true;
    if (try_parts(2, 3, grid, samples)) return true;
    return try_parts(2, 4, grid, samples);
  }
  void end_exchanges() override { units_ = {}, x_splits_ = {}, square_splits_ = {}; }

  void exchange(Lanes state, const void* added, const void* removed, std::int64_t lanes,
                std::int64_t ahead) override {
    const RowPointers<float, 1> rows(static_cast<const float*>(added));
    const auto* gone = static_cast<const float*>(removed);
    if (units_) return unit_rows(state).exchange(rows, gone, units_, lanes, ahead);
    with_parts([&]<int X, int Q>() BOXEL_INLINED {
      const Places<X, Q> places(state);
      const Splits x_splits = x_splits_;
      const Splits square_splits = square_splits_;
      for_strips(rows, lanes, ahead, [=](std::int64_t l) BOXEL_INLINED {
        const Terms<X, Q> in(rows.rows[0][l], x_splits, square_splits);
        const Terms<X, Q> out(gone[l], x_splits, square_splits);
        for (int k = 0; k < X; ++k) places.x[k][l] = places.x[k][l] + in.x[k] - out.x[k];
        for (int k = 0; k < Q; ++k) places.q[k][l] = places.q[k][l] + in.q[k] - out.q[k];
      });
    });
  }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double ddof,
              void* out) override {
    auto* values = static_cast<double*>(out);
    if (units_) {
      const UnitSquareRows rows = unit_rows(state);
      const auto finish_units = [&](auto square) BOXEL_INLINED {
        const auto scaled = [rows, square](std::int64_t l, double count) BOXEL_INLINED {
          return scaled_m2(two_product(rows.sums[l], rows.sums[l]), square(l), count);
        };
        finish_scaled(statistic, scaled, units_.unit * units_.unit, lanes, counts, ddof, values);
      };
      if (units_.halves()) {
        finish_units([rows](std::int64_t l) BOXEL_INLINED { return rows.square_of_halves(l); });
      } else {
        finish_units([rows](std::int64_t l) BOXEL_INLINED { return rows.square(l); });
      }
    } else if (merges()) {
      finish_parts<2, 2>(statistic, state, lanes, counts, ddof, values);
    } else {
      with_parts([&]<int X, int Q>() BOXEL_INLINED {
        finish_parts<X, Q>(statistic, state, lanes, counts, ddof, values);
      });
    }
  }

 private:
  // Room for samples that are so many times as large, or as fine.
  static constexpr double spare = 0x1p8;

  static Grid squared(const Grid& grid) {
    return {grid.largest * grid.largest, grid.finest * grid.finest};
  }

  bool try_parts(int x_parts, int square_parts, const Grid& grid, double samples) {
    const auto x = Splits<2>::placed(x_parts, grid, samples);
    const auto squares = Splits<4>::placed(square_parts, squared(grid), samples);
    if (!x.exact(grid, samples) || !squares.exact(squared(grid), samples)) return false;
    x_splits_ = x;
    square_splits_ = squares;
    return true;
  }

  template <class Body>
  BOXEL_INLINE void with_parts(Body&& body) const {
    if (merges()) throw std::logic_error("sums of squares give up samples only where split");
    if (square_splits_.parts == 4) return body.template operator()<2, 4>();
    if (square_splits_.parts == 3) return body.template operator()<2, 3>();
    body.template operator()<1, 2>();
  }

  static UnitSquareRows unit_rows(Lanes state) {
    return {state.row<double>(x_row), state.row<std::uint64_t>(square_row),
            state.row<std::uint64_t>(square_row + 1)};
  }

  template <int X, int Q>
  struct Places {
    double* x[X];
    double* q[Q];
    explicit Places(Lanes state) {
      for (int k = 0; k < X; ++k) x[k] = state.row<double>(x_row + k);
      for (int k = 0; k < Q; ++k) q[k] = state.row<double>(square_row + k);
    }
  };

  template <int X, int Q>
  struct Terms {
    double x[X];
    double q[Q];
    BOXEL_INLINE Terms(float sample, const Splits<2>& x_splits, const Splits<4>& square_splits) {
      const auto value = static_cast<double>(sample);
      split<X>(value, x_splits.shifts, x);
      split<Q>(value * value, square_splits.shifts, q);
    }
  };

  template <int X, int Q>
  void take_split(Lanes state, const float* row, std::int64_t lanes, bool first) const {
    const Places<X, Q> places(state);
    const Splits x_splits = x_splits_;
    const Splits square_splits = square_splits_;
    if (first) {
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const Terms<X, Q> terms(row[l], x_splits, square_splits);
        for (int k = 0; k < X; ++k) places.x[k][l] = terms.x[k];
        for (int k = 0; k < Q; ++k) places.q[k][l] = terms.q[k];
      }
      return;
    }
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const Terms<X, Q> terms(row[l], x_splits, square_splits);
      for (int k = 0; k < X; ++k) places.x[k][l] += terms.x[k];
      for (int k = 0; k < Q; ++k) places.q[k][l] += terms.q[k];
    }
  }

  static void take_merged(Lanes state, const float* row, std::int64_t lanes, bool first) {
    // The parts that double-doubles lack: zeros that stand beyond a border are none the less split.
    for (const int row : {square_row + 2, square_row + 3}) {
      if (first) std::fill_n(state.row<double>(row), lanes, 0.0);
    }
    const Places<2, 2> places(state);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const auto value = static_cast<double>(row[l]);
      const Parts2 x = first
                           ? Parts2{value, 0.0}
                           : add_parts(Parts2{places.x[0][l], places.x[1][l]}, Parts2{value, 0.0});
      const Parts2 q =
          first ? Parts2{value * value, 0.0}
                : add_parts(Parts2{places.q[0][l], places.q[1][l]}, Parts2{value * value, 0.0});
      places.x[0][l] = x.high;
      places.x[1][l] = x.low;
      places.q[0][l] = q.high;
      places.q[1][l] = q.low;
    }
  }

  static BOXEL_INLINE Parts2 square_of(Parts2 x) {
    const Parts2 square = two_product(x.high, x.high);
    return {square.high, square.low + 2 * x.high * x.low};
  }

  // n sum(x^2) - sum(x)^2; what is not finite ends as NaN.
  static BOXEL_INLINE double scaled_m2(Parts2 square, Parts2 q, double count) {
    const Parts2 scaled = two_product(count, q.high);
    const double low = (scaled.low + count * q.low) - square.low;
    const double m2 = (scaled.high - square.high) + low;
    return m2 < 0 ? 0.0 : m2;
  }

  template <int X, int Q>
  static void finish_parts(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts,
                           double ddof, double* out) {
    const Places<X, Q> places(state);
    const auto scaled = [places](std::int64_t l, double count) BOXEL_INLINED {
      double x[X];
      double q[Q];
      for (int k = 0; k < X; ++k) x[k] = places.x[k][l];
      for (int k = 0; k < Q; ++k) q[k] = places.q[k][l];
      const Parts2 square = X == 1 ? two_product(x[0], x[0]) : square_of(total<X, in_two>(x));
      return scaled_m2(square, total<Q, in_two>(q), count);
    };
    finish_scaled(statistic, scaled, 1.0, lanes, counts, ddof, out);
  }

  // scaled(lane, count): n sum(x^2) - sum(x)^2, in a unit, which is a power of two.
  template <class Scaled>
  static BOXEL_INLINE void finish_scaled(Statistic statistic, Scaled scaled, double unit,
                                         std::int64_t lanes, Counts counts, double ddof,
                                         double* out) {
    const auto factor = [ddof, unit](double count) BOXEL_INLINED {
      const double freedom = count - ddof;
      return freedom > 0 ? unit / (count * freedom) : not_a_number();
    };
    if (counts.per_lane) {
      for (std::int64_t l = 0; l < lanes; ++l) {
        const auto count = static_cast<double>(counts.per_lane[l]);
        out[l] = scaled(l, count) * factor(count);
      }
    } else {
      const double count = counts.uniform;
      const double by = factor(count);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) out[l] = scaled(l, count) * by;
    }
    if (statistic != Statistic::std) return;
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) out[l] = std::sqrt(out[l]);
  }

  double window_;
  SquareUnits units_;
  Splits<2> x_splits_;
  Splits<4> square_splits_;
};

}  // namespace boxel::BOXEL_KERNELS
